/** Tells which node runs it, with what it was given. */
export default async function where(args, { node }) {
  return { node, args };
}

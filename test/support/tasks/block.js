/** Holds its thread for `ms` without a pause for anything else. */
export default function block({ ms }, { node }) {
  const endsMs = performance.now() + ms;
  while (performance.now() < endsMs);
  return { node };
}

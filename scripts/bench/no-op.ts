/** What the ceilings' workers do for each job, as the handler of scripts/bench/tasks/noop.mjs does. */
export async function noOp({ n }: { readonly n: number }): Promise<unknown> {
  return { ok: true, n };
}

/** Who answers at an address, as HELLO tells it; null for what it doesn't tell. */
export interface NodeIdentity {
  readonly cluster: string | null;
  readonly id: string | null;
}

export const unknownIdentity: NodeIdentity = { cluster: null, id: null };

/** Reads HELLO's answer. */
export function identityOf(hello: string): NodeIdentity {
  try {
    const told = JSON.parse(hello) as Readonly<Record<string, unknown>> | null;
    const word = (value: unknown): string | null => (typeof value === 'string' ? value : null);
    return { cluster: word(told?.cluster), id: word(told?.id) };
  } catch {
    return unknownIdentity;
  }
}

/** Why this node is not the one that was meant; null when it is, or nothing says that it isn't. */
export function strangerFault(expected: NodeIdentity, found: NodeIdentity): string | null {
  if (expected.id !== null && found.id !== expected.id) return 'another node answers there';
  const isOther = expected.cluster !== null && found.cluster !== expected.cluster;
  if (!isOther || (found.cluster === null && expected.id === null)) return null;
  return `it belongs to the cluster ${JSON.stringify(found.cluster)}, not to ${JSON.stringify(expected.cluster)}`;
}

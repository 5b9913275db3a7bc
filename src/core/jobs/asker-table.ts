import type { NodeId } from '../ids.js';
import { NumberTable } from '../number-table.js';
import type { Asker } from './record.js';

/** One entry for each request that something is kept for, found by who asked. */
export class AskerTable<Entry> {
  private readonly byClient = new NumberTable<Entry>();
  private readonly byOwn = new Map<number, Entry>();
  private readonly byPeer = new Map<NodeId, Map<number, Entry>>();

  get(asker: Asker): Entry | undefined {
    if (asker.type === 'client') return this.byClient.get(asker.request);
    if (asker.type === 'own') return this.byOwn.get(asker.seq);
    return asker.type === 'peer' ? this.byPeer.get(asker.node)?.get(asker.seq) : undefined;
  }

  /** For nobody, nothing is kept. */
  set(asker: Asker, entry: Entry): void {
    if (asker.type === 'client') this.byClient.set(asker.request, entry);
    else if (asker.type === 'own') this.byOwn.set(asker.seq, entry);
    else if (asker.type === 'peer') {
      const entries = this.byPeer.get(asker.node);
      if (entries === undefined) this.byPeer.set(asker.node, new Map([[asker.seq, entry]]));
      else entries.set(asker.seq, entry);
    }
  }

  delete(asker: Asker): void {
    if (asker.type === 'client') this.byClient.delete(asker.request);
    else if (asker.type === 'own') this.byOwn.delete(asker.seq);
    else if (asker.type === 'peer') {
      const entries = this.byPeer.get(asker.node);
      entries?.delete(asker.seq);
      if (entries?.size === 0) this.byPeer.delete(asker.node);
    }
  }

  values(): Entry[] {
    return [
      ...this.byClient.values(),
      ...this.byOwn.values(),
      ...[...this.byPeer.values()].flatMap((entries) => [...entries.values()]),
    ];
  }

  get size(): number {
    let size = this.byClient.size + this.byOwn.size;
    for (const entries of this.byPeer.values()) size += entries.size;
    return size;
  }
}

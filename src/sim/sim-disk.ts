import { assertNever } from '../core/assert.js';
import type { DiskStep } from '../core/durable-steps.js';
import type { Random } from '../core/random.js';

/** What one file holds; names lead to it. */
interface Inode {
  bytes: Buffer;
  /** What a crash can't take. */
  synced: Buffer;
}

type Names = Map<string, Inode>;

/**
 * A directory of files, as a file system keeps it: what was written, and which names there are, may be lost in a crash of the
 * machine until it was synced. What a killed process wrote stays. Errors are those of a programmer, and throw.
 */
export class SimDisk {
  private names: Names = new Map();
  private syncedNames: Names = new Map();
  /** Each is how the names stood after one change, since they were synced. */
  private nameChanges: Names[] = [];

  /** Null when there is none. */
  read(file: string): Buffer | null {
    return this.names.get(file)?.bytes ?? null;
  }

  files(): string[] {
    return [...this.names.keys()];
  }

  perform(step: DiskStep): void {
    switch (step.type) {
      case 'write':
        return this.write(step.file, Buffer.from(step.text));
      case 'sync':
        return this.sync(step.file);
      case 'rename':
        return this.rename(step.from, step.to);
      case 'sync_directory':
        return this.syncDirectory();
      default:
        assertNever(step);
    }
  }

  /** In place of what the file held. */
  write(file: string, bytes: Buffer): void {
    this.open(file).bytes = Buffer.from(bytes);
  }

  append(file: string, bytes: Buffer): void {
    const inode = this.open(file);
    inode.bytes = Buffer.concat([inode.bytes, bytes]);
  }

  truncate(file: string, length: number): void {
    const inode = this.inode(file);
    inode.bytes = inode.bytes.subarray(0, length);
  }

  sync(file: string): void {
    const inode = this.inode(file);
    inode.synced = inode.bytes;
  }

  rename(from: string, to: string): void {
    const inode = this.inode(from);
    this.changeNames((names) => {
      names.delete(from);
      names.set(to, inode);
    });
  }

  remove(file: string): void {
    this.inode(file);
    this.changeNames((names) => names.delete(file));
  }

  syncDirectory(): void {
    this.syncedNames = new Map(this.names);
    this.nameChanges = [];
  }

  /** The machine loses its power: of what was not synced, names stay up to some change, and of each file any part of what is new. */
  crash(random: Random): void {
    const kept = random.below(this.nameChanges.length + 1);
    this.names = new Map(kept === 0 ? this.syncedNames : this.nameChanges[kept - 1]);
    for (const inode of new Set(this.names.values())) {
      inode.bytes = afterCrash(inode, random);
      inode.synced = inode.bytes;
    }
    this.syncDirectory();
  }

  /** A copy of the whole directory, as somebody makes who sets up a second machine. */
  copy(): SimDisk {
    const disk = new SimDisk();
    for (const [file, { bytes }] of this.names) disk.write(file, bytes);
    for (const file of disk.files()) disk.sync(file);
    disk.syncDirectory();
    return disk;
  }

  private open(file: string): Inode {
    const known = this.names.get(file);
    if (known !== undefined) return known;
    const inode = { bytes: Buffer.alloc(0), synced: Buffer.alloc(0) };
    this.changeNames((names) => names.set(file, inode));
    return inode;
  }

  private inode(file: string): Inode {
    const inode = this.names.get(file);
    if (inode === undefined) throw new Error(`there is no file ${file}`);
    return inode;
  }

  private changeNames(change: (names: Names) => void): void {
    this.names = new Map(this.names);
    change(this.names);
    this.nameChanges.push(this.names);
  }
}

/** All of it, none of what is new, or a torn part. */
function afterCrash({ bytes, synced }: Inode, random: Random): Buffer {
  if (bytes.equals(synced)) return bytes;
  switch (random.below(3)) {
    case 0:
      return bytes;
    case 1:
      return synced;
    default: {
      const same = commonLength(bytes, synced);
      return bytes.subarray(0, same + random.below(bytes.length - same + 1));
    }
  }
}

function commonLength(a: Buffer, b: Buffer): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

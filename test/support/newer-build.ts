import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a later version of Rondo might be like, made from a copy of this one's build. */
export interface NewerBuild {
  /** `bin/rondo.js` of the copy. */
  readonly program: string;
}

export interface NewerBuildOptions {
  readonly versionMin: number;
  readonly versionMax: number;
}

const root = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Writes it to an empty directory. Besides the versions that it offers, its hello and each of its messages have a field more, every list
 * of rumours has one of a new kind, and before each message comes one of a kind that nobody knows.
 */
export function makeNewerBuild(directory: string, { versionMin, versionMax }: NewerBuildOptions): NewerBuild {
  for (const part of ['bin', 'dist/src', 'package.json', 'config']) {
    cpSync(join(root, part), join(directory, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  const change = (path: string, changes: readonly (readonly [from: string, to: string])[]): void => {
    const file = join(directory, 'dist/src', path);
    let text = readFileSync(file, 'utf8');
    for (const [from, to] of changes) {
      if (!text.includes(from))
        throw new Error(`${path} has no "${from}" any more: say here what a newer one has`);
      text = text.replaceAll(from, to);
    }
    writeFileSync(file, text);
  };
  change('core/hello.js', [
    ['peerProtocolVersionMin = 1', `peerProtocolVersionMin = ${versionMin}`],
    ['peerProtocolVersionMax = 1', `peerProtocolVersionMax = ${versionMax}`],
  ]);
  change('protocol/peer-hello.js', [['hello.address,\n', 'hello.address, ["zone", "north"], true,\n']]);
  change('protocol/peer-membership.js', [
    ['message.rumours.map(encodeRumour)', '[...message.rumours.map(encodeRumour), [9, "moved"]]'],
  ]);
  change('protocol/peer-codec.js', [
    // A field of its own comes after the last ones of a `run`, which are left out where they say nothing.
    [
      'const fields = encoders[message.type](message);',
      `const fields = encoders[message.type](message);
       if (message.type === "run") fields.push(...[false, null, null].slice(fields.length - 9));
       fields.push("new", [1, 2]);`,
    ],
  ]);
  // The frame holds [99, "news", 1] in msgpack.
  const unknownFrame = 'Buffer.from("00000008" + "9363a46e65777301", "hex")';
  change('net/peer-link.js', [
    ['const lane = laneOf(', `this.#writer.add(${unknownFrame}, "control"); const lane = laneOf(`],
  ]);
  return { program: join(directory, 'bin/rondo.js') };
}

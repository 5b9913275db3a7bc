import { open } from 'node:fs/promises';
import { fileFault, usageError } from '../failure.js';

/** Only its owner may read a key. */
const keyFileMode = 0o600;

/** `rondo keygen`: prints a new key, or writes it to a file that must not exist yet. */
export async function keygen(file: string | undefined): Promise<void> {
  const { generateKey } = await import('../../net/cluster-key.js');
  const text = `${generateKey()}\n`;
  if (file === undefined) {
    process.stdout.write(text);
    return;
  }
  const refuse = (error: unknown): never => {
    throw usageError(`cannot write the key to ${file}: ${fileFault(error)}; nothing was changed`, error);
  };
  const handle = await open(file, 'wx', keyFileMode).catch(refuse);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    throw usageError(`cannot write the key to ${file}: ${fileFault(error)}`, error);
  } finally {
    await handle.close();
  }
  process.stderr.write(
    `The new key is in ${file}: copy it to every node, and start each with --key-file ${file}\n`,
  );
}

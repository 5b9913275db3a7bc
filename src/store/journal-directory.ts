import { lstatSync, statSync } from 'node:fs';
import { RondoError } from '../core/errors.js';

/**
 * Whether a journal can be kept at that path: else the node would only find out at its first durable job. Where nothing is there yet, it
 * is made with that, and a disk that takes no writes now may take them by then. Throws `JOURNAL_NOT_A_DIRECTORY`.
 */
export function checkJournalDirectory(journal: string): void {
  // A link that leads nowhere is something all the same.
  if (lstatSync(journal, { throwIfNoEntry: false }) === undefined) return;
  if (statSync(journal, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new RondoError(
    'JOURNAL_NOT_A_DIRECTORY',
    `${journal} is not a directory, and the journal needs one in this place: move it away, choose another data ` +
      'directory with --data, or keep nothing with --no-journal',
  );
}

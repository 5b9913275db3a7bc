/** One operation on a directory of files, in the order in which a store performs them. */
export type DiskStep =
  /** Makes the file, or empties it, and writes this. */
  | { readonly type: 'write'; readonly file: string; readonly text: string }
  /** What the file holds is on disk. */
  | { readonly type: 'sync'; readonly file: string }
  | { readonly type: 'rename'; readonly from: string; readonly to: string }
  /** Which files there are, and under which names, is on disk. */
  | { readonly type: 'sync_directory' };

/**
 * Replaces a file so that after a crash at any moment it is whole, the old or the new: write aside, sync, rename, sync the
 * directory. The daemon performs these steps on a file system, the simulator on one that crashes between any two of them.
 */
export function replaceFileSteps(file: string, text: string): readonly DiskStep[] {
  const aside = `${file}.new`;
  return [
    { type: 'write', file: aside, text },
    { type: 'sync', file: aside },
    { type: 'rename', from: aside, to: file },
    { type: 'sync_directory' },
  ];
}

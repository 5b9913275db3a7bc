import { isInNamespaces, namespaceFault, runInNamespaces } from './namespaces.js';

/**
 * Imported first by a test file, it runs that file again in namespaces of its own. Where the machine doesn't allow that, the file
 * says so as its only test, left out.
 */
export const notRunPrefix = 'not run: ';

if (!isInNamespaces()) {
  const fault = namespaceFault();
  if (fault === null) process.exit(runInNamespaces());
  console.log(`TAP version 14\nok 1 - tests in namespaces of their own # SKIP ${notRunPrefix}${fault}\n1..1`);
  process.exit(0);
}

import { readFileSync } from 'node:fs';

/** The blocks of the README that are marked as programs. */
export function readmePrograms(): string[] {
  const readme = readFileSync('README.md', 'utf8');
  return [...readme.matchAll(/^```ts program\n([\s\S]*?)^```$/gm)].map(([, text]) => text as string);
}

import { writeFileSync } from 'node:fs';
import { renderDefaultFile } from '../src/node/config-reference.js';

// Run after a change of the settings: npm run build && node dist/scripts/write-default-config.js
writeFileSync('config/rondo.yaml', renderDefaultFile());

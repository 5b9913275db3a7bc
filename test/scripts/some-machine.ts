import type { MachineFacts } from '../../scripts/bench/machine.js';

/** What pages say that they were measured on, in tests of how they say it. */
export const someMachine: MachineFacts = {
  processor: 'a processor',
  cores: 2,
  memoryGiB: 8,
  kernel: 'Linux 6 x64',
  node: 'v20.0.0',
  disk: 'ext4 on /dev/sda',
  commit: 'abc1234',
};

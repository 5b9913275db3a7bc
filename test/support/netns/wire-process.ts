import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { WireCounts, WireFaults } from './wire.js';

/** The wire's process, and how to talk to it. */
export interface WireProcess {
  setFaults(faults: WireFaults): Promise<WireCounts>;
  close(): Promise<void>;
}

const wirePath = fileURLToPath(new URL('./wire.js', import.meta.url));
/** Reads of a device wait in a thread of libuv's pool each; these are for all else. */
const sparePoolThreads = 4;

/**
 * Perl, which every Debian has, opens the TAP devices, since Node has no ioctl: 0x400454ca is TUNSETIFF, 0x1002 IFF_TAP | IFF_NO_PI.
 * Then it becomes the command behind `--`, which inherits them.
 */
const openDevices = `
  use Fcntl; $^F = 255;
  my @devices;
  while (defined(my $name = shift @ARGV) ) {
    last if $name eq '--';
    sysopen(my $device, '/dev/net/tun', O_RDWR) or die "/dev/net/tun: $!\\n";
    ioctl($device, 0x400454ca, pack('a16 S x22', $name, 0x1002)) or die "TAP device $name: $!\\n";
    push @devices, $device;
  }
  $ENV{TAP_DESCRIPTORS} = join ',', map { fileno $_ } @devices;
  exec @ARGV or die "$ARGV[0]: $!\\n";`;

/** Makes these TAP devices and carries frames between them; `firstHost` is the number of the first one's host. */
export async function startWire(devices: readonly string[], firstHost: number): Promise<WireProcess> {
  const command = [process.execPath, wirePath, String(firstHost)];
  const child = spawn('perl', ['-e', openDevices, ...devices, '--', ...command], {
    env: { ...process.env, UV_THREADPOOL_SIZE: String(devices.length + sparePoolThreads) },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let errorOutput = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errorOutput += text;
  });
  const ended = once(child, 'close');
  const failed = ended.then(() => {
    throw new Error(`the wire has ended: ${errorOutput.trim()}`);
  });
  failed.catch(() => {});
  const answer = async (): Promise<WireCounts> =>
    ((await Promise.race([once(child, 'message'), failed])) as [WireCounts])[0];
  await answer();
  return {
    setFaults: (faults) => {
      const counted = answer();
      child.send(faults);
      return counted;
    },
    close: () => end(child, ended),
  };
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGKILL');
  await ended;
}

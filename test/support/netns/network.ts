import { hasNetem, ip, tc } from './host-commands.js';
import type { WireCounts, WireFaults } from './wire.js';
import { startWire, type WireProcess } from './wire-process.js';

/** A machine of its own as far as the network goes: a namespace with two cards. */
export interface Host {
  readonly name: string;
  readonly number: number;
  /** Where its peers reach it: all faults are here. */
  readonly address: string;
  /** Where the test reaches it, whatever is cut. */
  readonly controlAddress: string;
  /** What to put before a command to run it there. */
  readonly within: readonly string[];
}

/**
 * Hosts on one segment. The network of the test file's own (see `enter`) holds a bridge that joins them by veth pairs, and a second
 * one over which the test talks to them.
 */
export interface Network {
  readonly hosts: readonly Host[];
  /** What makes frames late or loses them: the kernel's netem, a wire in user space, or (null) nothing. */
  readonly shaper: 'netem' | 'wire' | null;
  /** From now on what one of `from` sends to one of `to` vanishes. Links stay up, and nobody is told. */
  cut(from: readonly Host[], to: readonly Host[]): void;
  /** Ends all cuts. */
  heal(): void;
  /** Of all frames between hosts. Only in a network that was made with `shaped`. */
  shape(faults: WireFaults): Promise<void>;
  /** Frames carried and lost since the start. Only with `shaped`. */
  counts(): Promise<WireCounts>;
  /** Sets how fast a host sends to, and hears from, its peers. */
  limitRate(host: Host, kilobitsPerSecond: number): void;
  close(): Promise<void>;
}

export interface NetworkOptions {
  readonly hosts: number;
  /** Whether frames will be late or lost. */
  readonly shaped?: boolean;
}

const card = 'peers';
/** Nobody has it, so what is sent there is lost without a word. */
const nobodysCard = '02:00:00:00:ff:ff';
const hostsInFileMax = 250;
const noFaults: WireFaults = { lossPercent: 0, delayMs: 0, jitterMs: 0 };

let hostCount = 0;

/** Makes the hosts and joins them. */
export async function startNetwork({ hosts: count, shaped = false }: NetworkOptions): Promise<Network> {
  if (hostCount === 0) makeBridges();
  const hosts = Array.from({ length: count }, makeHost);
  const shaper = !shaped ? null : hasNetem() ? 'netem' : 'wire';
  const wire = shaper === 'wire' ? await plugIntoWire(hosts) : null;
  if (wire === null) for (const { name, number } of hosts) plugIntoBridge(name, number, card);
  for (const host of hosts) bringUp(host, hosts);
  return new NamespaceNetwork(hosts, shaper, wire);
}

class NamespaceNetwork implements Network {
  #faults = noFaults;

  constructor(
    readonly hosts: readonly Host[],
    readonly shaper: Network['shaper'],
    private readonly wire: WireProcess | null,
  ) {}

  cut(from: readonly Host[], to: readonly Host[]): void {
    for (const host of from) {
      ip(
        host.name,
        to.filter((other) => other !== host).map((other) => neighbour(other, nobodysCard)),
      );
    }
  }

  heal(): void {
    for (const host of this.hosts) ip(host.name, neighboursOf(host, this.hosts));
  }

  async shape(faults: WireFaults): Promise<void> {
    this.#faults = faults;
    const { lossPercent, delayMs, jitterMs } = faults;
    if (this.shaper === null) throw new Error('this network was not made with `shaped`');
    await this.wire?.setFaults(faults);
    if (this.wire !== null) return;
    const words = `delay ${delayMs}ms ${jitterMs}ms loss ${lossPercent}% limit 100000`.split(' ');
    for (const { name } of this.hosts) tc(name, 'qdisc', 'replace', 'dev', card, 'root', 'netem', ...words);
  }

  async counts(): Promise<WireCounts> {
    if (this.wire !== null) return this.wire.setFaults(this.#faults);
    let carried = 0;
    let lost = 0;
    for (const { name } of this.hosts) {
      const [netem] = JSON.parse(tc(name, '-s', '-j', 'qdisc', 'show', 'dev', card)) as TcCounts[];
      carried += netem?.packets ?? 0;
      lost += netem?.drops ?? 0;
    }
    return { carried, lost };
  }

  limitRate({ name, number }: Host, kilobitsPerSecond: number): void {
    const words = `root tbf rate ${kilobitsPerSecond}kbit burst 16kb latency 100ms`.split(' ');
    tc(name, 'qdisc', 'replace', 'dev', card, ...words);
    tc(null, 'qdisc', 'replace', 'dev', portOf(number, card), ...words);
  }

  async close(): Promise<void> {
    await this.wire?.close();
    ip(
      null,
      this.hosts.map(({ name }) => `netns del ${name}`),
    );
  }
}

interface TcCounts {
  readonly packets: number;
  readonly drops: number;
}

function makeBridges(): void {
  ip(null, [
    ...[card, 'control'].flatMap((bridge) => [`link add ${bridge} type bridge`, `link set ${bridge} up`]),
    'addr add 10.78.0.254/24 dev control',
  ]);
}

/** Numbers are never given twice: what is left of an earlier network in this file can't be in a later one's way. */
function makeHost(): Host {
  const number = ++hostCount;
  if (number > hostsInFileMax) throw new Error(`a test file has ${hostsInFileMax} hosts at most`);
  const name = `host-${number}`;
  ip(null, [`netns add ${name}`]);
  plugIntoBridge(name, number, 'control');
  ip(name, ['link set lo up', `addr add 10.78.0.${number}/24 dev control`, 'link set control up']);
  return {
    name,
    number,
    address: `10.77.0.${number}`,
    controlAddress: `10.78.0.${number}`,
    within: ['ip', 'netns', 'exec', name],
  };
}

function plugIntoBridge(host: string, number: number, bridge: string): void {
  const port = portOf(number, bridge);
  ip(null, [
    `link add ${port} type veth peer name ${bridge} netns ${host}`,
    `link set ${port} master ${bridge} up`,
  ]);
}

function portOf(number: number, bridge: string): string {
  return `${bridge}-${number}`;
}

async function plugIntoWire(hosts: readonly Host[]): Promise<WireProcess> {
  const ports = hosts.map(({ number }) => portOf(number, card));
  const wire = await startWire(ports, hosts[0]?.number ?? 0);
  ip(
    null,
    hosts.map(({ name, number }) => `link set ${portOf(number, card)} netns ${name} name ${card}`),
  );
  return wire;
}

/** Each host knows the others' cards from the start, so that no fault can hit the question for them. */
function bringUp(host: Host, hosts: readonly Host[]): void {
  ip(host.name, [
    `link set ${card} address ${cardOf(host)}`,
    `addr add ${host.address}/24 dev ${card}`,
    `link set ${card} up`,
    ...neighboursOf(host, hosts),
  ]);
}

function neighboursOf(host: Host, hosts: readonly Host[]): string[] {
  return hosts.filter((other) => other !== host).map((other) => neighbour(other, cardOf(other)));
}

function neighbour({ address }: Host, hardwareAddress: string): string {
  return `neigh replace ${address} lladdr ${hardwareAddress} dev ${card} nud permanent`;
}

function cardOf({ number }: Host): string {
  return `02:00:00:00:00:${number.toString(16).padStart(2, '0')}`;
}

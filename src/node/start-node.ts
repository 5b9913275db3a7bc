import { hostname } from 'node:os';
import { formatAddress, parseAddress } from '../core/address.js';
import { type Hello, peerProtocolVersionMax, peerProtocolVersionMin } from '../core/hello.js';
import { atStakeText, countAtStake } from '../core/jobs/at-stake.js';
import { incarnationsPerStart } from '../core/member.js';
import { NodeCore } from '../core/node/node-core.js';
import type { HttpServer } from '../http/http-server.js';
import type { ClientServer } from '../net/client-server.js';
import { createClientServer } from '../net/line-server.js';
import type { PeerNetwork } from '../net/peer-network.js';
import { createPeerNetwork } from '../net/tcp-peer-network.js';
import { nextTimeMs } from '../protocol/cron.js';
import { createScheduler } from '../scheduler/create-scheduler.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import { type DataDirectory, openDataDirectory } from '../store/data-directory.js';
import { ephemeralIdentity } from '../store/identity.js';
import type { Journal } from '../store/journal.js';
import { KnownPeersFile, readKnownPeers } from '../store/known-peers.js';
import { newInstanceId } from '../store/node-ids.js';
import { type NodeConfig, nodeName } from './config.js';
import { loadConfig } from './config-load.js';
import { serviceVariables } from './config-sources.js';
import { clientLimits, commandTasks, jobsConfig, linksConfig, membershipConfig } from './core-config.js';
import { Driver } from './driver.js';
import { collectWhenIdle } from './idle-collection.js';
import { loadKeys, type NodeKeys } from './keys.js';
import { createLogger, type Logger } from './logging.js';
import { collectMetrics } from './metrics.js';
import { readinessOf } from './readiness.js';
import { ReadyFile } from './ready-file.js';
import type { Embedding, RunningNode } from './running-node.js';
import { startWarnings, unusedJournalWarnings } from './start-warnings.js';
import { rondoVersion } from './version.js';

/** Answers to clients that are still on their way when the node ends. */
const clientGraceMs = 500;
/** As long as jobs that others may know are left alone after a restart. */
const findingMs = 5_000;
/** A node that ends at once waits no longer for its parts: what is left ends with the process. */
const endAtOnceMsMax = 1_000;

/**
 * Starts a node from command-line flags and the environment: `flags` holds only what was given, by its name in camel
 * case, values as they were typed. Throws a RondoError whose code and sentence say what is wrong and what to do.
 */
export async function startNode(
  flags: Record<string, unknown>,
  env: NodeJS.ProcessEnv,
  embedding: Embedding | null = null,
): Promise<RunningNode> {
  const { config } = await loadConfig({ flags, env, cwd: process.cwd() });
  const keys = loadKeys(config);
  const logger =
    embedding?.logger ?? (await createLogger({ level: config.logLevel, pretty: config.logPretty }));
  const ofServices = serviceVariables(env);
  if (ofServices.length > 0) {
    const text = 'variables that Kubernetes sets for its Services are no settings and are left alone';
    logger.log('debug', text, { variables: ofServices });
  }
  let data: DataDirectory | null = null;
  let assembly: Assembly | null = null;
  try {
    data = config.data === null ? null : openDataDirectory(config.data);
    assembly = new Assembly(config, keys, logger, data, embedding);
    return await assembly.start();
  } catch (error) {
    await assembly?.closeParts('failed');
    data?.release();
    await logger.close();
    throw error;
  }
}

/** left: the others are told so · failed: the node can't go on, or never came up · at_once: nothing is waited for. */
type Ending = 'left' | 'failed' | 'at_once';

/** The parts of one daemon, from their opening to their end. */
class Assembly {
  private readonly driver = new Driver();
  private readonly identity: { id: string; starts: number };
  private readonly instance = newInstanceId();
  private readonly network: PeerNetwork;
  private readonly scheduler: Scheduler;
  private name: string;
  private peer = '';
  private advertised = '';
  private core: NodeCore | null = null;
  private clients: ClientServer | null = null;
  private http: HttpServer | null = null;
  private journal: Journal | null = null;
  /** Null: it keeps nothing. */
  private readonly knownPeers: readonly string[] | null;
  private readonly peersFile: KnownPeersFile | null;
  private collection: { stop(): void } | null = null;
  private tellEnd: (exitCode: number) => void = () => {};
  private readonly readyFile: ReadyFile;
  private isEnding = false;
  private readonly startedAtMs = performance.now();

  constructor(
    private readonly config: NodeConfig,
    private readonly keys: NodeKeys,
    private readonly logger: Logger,
    private readonly data: DataDirectory | null,
    private readonly embedding: Embedding | null,
  ) {
    this.identity = data?.identity ?? ephemeralIdentity();
    this.name = nodeName(config, hostname(), config.listen.port);
    this.readyFile = new ReadyFile(config.readyFile);
    const peersLost = (why: string): void =>
      logger.log(
        'warn',
        `peers.json in ${data?.path}, where the other nodes are, is of no use: give --join`,
        { why },
      );
    this.knownPeers = data && readKnownPeers(data.path, peersLost);
    const untold = ({ message }: Error): void =>
      logger.log('warn', `where the other nodes are can't be kept in ${data?.path} for the next start`, {
        why: message,
      });
    this.peersFile = data && new KnownPeersFile(data.path, untold);
    this.network = this.createNetwork();
    this.scheduler = this.createScheduler();
  }

  async start(): Promise<RunningNode> {
    const { config, identity } = this;
    this.readyFile.check();
    const ofJournal = this.embedding === null ? await unusedJournalWarnings(config) : [];
    const warnings = [...startWarnings(config, process.env), ...ofJournal];
    for (const { text, fields } of warnings) this.logger.log('warn', text, fields);
    // What it holds is known before anybody can ask for it.
    this.journal = await this.openJournal();
    this.peer = await this.network.listen();
    const peerPort = parseAddress(this.peer).port;
    this.name = nodeName(config, hostname(), peerPort);
    this.advertised = formatAddress({ ...config.advertise, port: config.advertise.port || peerPort });
    this.clients = this.createClients();
    const [client, tasks] = await Promise.all([this.openClients(this.clients), this.scheduler.load()]);
    const core = this.createCore(client, tasks);
    this.core = core;
    const http = await this.openHttp(core);
    const stopped = new Promise<number>((resolve) => {
      this.tellEnd = resolve;
    });
    this.driver.start(core, {
      network: this.network,
      clients: this.clients,
      scheduler: this.scheduler,
      journal: this.journal,
      keepPeers: (addresses) => this.peersFile?.keep(addresses),
      log: (level, text, fields) => this.logger.log(level, text, fields),
      gone: () => this.finish(0, 'left'),
      fatal: (code, message) => {
        this.logger.log('error', message, { code });
        if (this.embedding === null) process.stderr.write(`rondo: ${message}\n`);
        // Without goodbye: of two nodes with one id, the rightful one is still there.
        this.finish(1, 'failed');
      },
    });
    // The heap of a program that a node is only part of is not the node's to collect.
    this.collection =
      this.embedding !== null
        ? null
        : collectWhenIdle(() => {
            const { replyBytes = 0, receivingBytes = 0 } = this.clients?.stats() ?? {};
            return {
              keptBytes: core.keptBytes,
              clientBytes: replyBytes + receivingBytes,
              threadHeapBytes: this.scheduler.threadHeapBytesMax(),
            };
          });
    const node = { name: this.name, id: identity.id, pid: process.pid, peer: this.peer, client, http };
    this.readyFile.write(node);
    this.logger.log('info', `node ${this.name} is ready`, {
      ...node,
      cluster: config.cluster,
      tls: this.keys.cluster.length > 0,
    });
    return {
      ...node,
      clientToken: this.keys.clientToken,
      stopped,
      drainAndLeave: () => this.driver.handle({ type: 'leave' }),
      stopNow: () => this.stopNow(),
    };
  }

  /**
   * Closes what is open. Safe at any stage of the start, and once more with a harder ending. A part that fails to close
   * keeps no other from it.
   */
  async closeParts(ending: Ending): Promise<void> {
    this.driver.stop();
    this.collection?.stop();
    this.readyFile.remove();
    const atOnce = ending === 'at_once';
    await Promise.allSettled([
      this.clients?.shutdown(atOnce ? 0 : clientGraceMs),
      this.network.shutdown({ goodbye: ending === 'left' }),
      this.http?.close(),
      this.scheduler.close({ atOnce }),
      this.journal?.close(),
      this.peersFile?.close(atOnce),
    ]);
  }

  private finish(exitCode: number, ending: Ending): void {
    if (this.isEnding) return;
    this.isEnding = true;
    if (exitCode === 0) this.logger.log('info', `node ${this.name} has left`, {});
    void this.end(exitCode, this.closeParts(ending));
  }

  /** Also while the node is ending already, but takes its time. */
  private stopNow(): void {
    this.isEnding = true;
    const { unfinished: owned = 0 } = this.core?.jobs.ledger ?? {};
    const running = this.core?.jobs.executor.heldCount ?? 0;
    const stake = countAtStake(this.core?.jobs.ledger.values() ?? []);
    const whatOfThem = owned > 0 ? `: ${atStakeText(stake)}` : '';
    this.logger.log(
      'warn',
      `asked a second time, it ends at once, with ${owned} unfinished jobs that this node owns${whatOfThem}`,
      { owned, running, ...stake },
    );
    const closed = new Promise<void>((resolve) => {
      const late = setTimeout(resolve, endAtOnceMsMax);
      void this.closeParts('at_once').then(() => {
        clearTimeout(late);
        resolve();
      });
    });
    void this.end(1, closed);
  }

  private async end(exitCode: number, closed: Promise<void>): Promise<void> {
    await closed;
    this.data?.release();
    await this.logger.close();
    this.tellEnd(exitCode);
  }

  /** With the ports, what an earlier node left in the place of the ready file is no longer anybody's. */
  private async openClients(clients: ClientServer): Promise<string> {
    const client = await clients.listen();
    this.readyFile.removeStale();
    return client;
  }

  private async openJournal(): Promise<Journal | null> {
    const { data, driver, identity, instance, logger } = this;
    if (data === null) return null;
    // Only now, since the commands that are clients have no use for it.
    const { openJournal } = await import('../store/lmdb-journal.js');
    return openJournal(data.path, {
      node: identity.id,
      instance,
      listener: {
        written: (seq) => driver.handle({ type: 'journal_written', seq }),
        failed: (_, code, message) => driver.handle({ type: 'journal_failed', code, message }),
        recovered: () => driver.handle({ type: 'journal_recovered' }),
      },
      log: (level, text, fields) => logger.log(level, text, fields),
    });
  }

  private createNetwork(): PeerNetwork {
    const { driver, logger } = this;
    return createPeerNetwork({
      host: this.config.listen.host,
      port: this.config.listen.port,
      keys: this.keys.cluster,
      hello: () => this.hello(),
      together: driver.atOneTime,
      log: {
        debug: (fields, text) => logger.log('debug', text, fields as Record<string, unknown>),
        info: (fields, text) => logger.log('info', text, fields as Record<string, unknown>),
        warn: (fields, text) => logger.log('warn', text, fields as Record<string, unknown>),
      },
      listener: {
        linkOpened: (link, dialled, hello) => driver.handle({ type: 'link_opened', link, dialled, hello }),
        linkClosed: (link, reason, goodbye) => driver.handle({ type: 'link_closed', link, reason, goodbye }),
        dialFailed: (address, reason, detail, goodbye) =>
          driver.handle({ type: 'dial_failed', address, reason, detail, goodbye }),
        message: (link, message) => driver.handle({ type: 'message', link, message }),
        linkPressure: (link, congested) => driver.handle({ type: 'link_pressure', link, congested }),
      },
    });
  }

  private createClients(): ClientServer {
    const { config, driver, identity, logger } = this;
    return createClientServer({
      host: config.client.host,
      port: config.client.port,
      limits: clientLimits(config),
      authToken: this.keys.clientToken,
      together: driver.atOneTime,
      hello: { version: rondoVersion(), cluster: config.cluster, node: this.name, id: identity.id },
      log: (level, text, fields) => logger.log(level, text, fields),
      listener: {
        request: (request, command) => driver.handle({ type: 'request', request, command }),
        requestAbandoned: (request) => driver.handle({ type: 'request_abandoned', request }),
        itemsWanted: (request, upTo) => driver.handle({ type: 'items_wanted', request, upTo }),
      },
    });
  }

  private createScheduler(): Scheduler {
    const { config, driver, logger } = this;
    return createScheduler({
      threads: config.threads,
      concurrency: Math.max(1, config.concurrency),
      taskDirs: config.tasks,
      commands: commandTasks(config),
      functions: this.embedding?.functions ?? new Map(),
      memoryMbMax: Math.round(config.threadMemoryBytes / (1024 * 1024)),
      abortGraceMs: config.abortGraceMs,
      node: this.name,
      together: driver.atOneTime,
      log: (level, text, fields) => logger.log(level, text, fields),
      listener: {
        attemptStarted: (run) => driver.handle({ type: 'attempt_started', run }),
        attemptEnded: (run, outcome) => driver.handle({ type: 'attempt_ended', run, outcome }),
        attemptCall: (run, call, command) =>
          driver.handle({ type: 'attempt_call', run, request: -call, command }),
        attemptChunk: (run, chunk) => driver.handle({ type: 'attempt_chunk', run, chunk }),
        attemptProgress: (run, value) => driver.handle({ type: 'attempt_progress', run, value }),
        attemptLog: ({ level, text, ...fields }) => logger.log(level, text, fields),
      },
    });
  }

  private createCore(client: string, tasks: Awaited<ReturnType<Scheduler['load']>>): NodeCore {
    const { config, identity, instance } = this;
    const clientPort = parseAddress(client).port;
    return new NodeCore({
      id: identity.id,
      name: this.name,
      instance,
      incarnation: identity.starts * incarnationsPerStart,
      cluster: config.cluster,
      version: rondoVersion(),
      address: this.advertised,
      client: formatAddress({ ...config.advertiseClient, port: config.advertiseClient.port || clientPort }),
      tags: config.tags,
      // A node that takes no jobs offers nothing: nobody should wait for it.
      tasks: config.concurrency === 0 ? [] : tasks,
      seeds: config.join,
      knownPeers: this.knownPeers,
      membership: membershipConfig(config),
      links: linksConfig(config),
      jobs: jobsConfig(config),
      journal:
        this.journal === null
          ? null
          : { ...this.journal.contents, isAfterCrash: this.data?.isAfterCrash === true },
      nextTimeMs,
      drainTimeoutMs: config.drainTimeoutMs,
      seed: `${identity.id}/${instance}`,
    });
  }

  private async openHttp(core: NodeCore): Promise<string | null> {
    const { config, driver, logger, network, scheduler } = this;
    const { clients } = this;
    if (config.http === null || clients === null) return null;
    const { createHttpServer } = await import('../http/http-server.js');
    this.http = createHttpServer({
      host: config.http.host,
      port: config.http.port,
      health: () => readinessOf(core, config, this.isFindingOthers()),
      collect: () => collectMetrics({ core, driver, network, clients, scheduler }),
      log: (level, text, fields) => logger.log(level, text, fields),
    });
    return this.http.listen();
  }

  /** For so long after a restart: then a node that is alone goes on by itself. */
  private isFindingOthers(): boolean {
    return (this.knownPeers?.length ?? 0) > 0 && performance.now() < this.startedAtMs + findingMs;
  }

  private hello(): Hello {
    const self = this.core?.self();
    return {
      versionMin: peerProtocolVersionMin,
      versionMax: peerProtocolVersionMax,
      cluster: this.config.cluster,
      node: this.identity.id,
      instance: this.instance,
      incarnation: self?.incarnation ?? this.identity.starts * incarnationsPerStart,
      name: this.name,
      address: this.advertised,
    };
  }
}

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Bundle, buildWorkers, type WorkerManifest } from "./build.ts";
import { type Events, eventsOf } from "./events.ts";
import { startGuardian } from "./guardian.ts";
import { lockFolder } from "./lock.ts";
import { findPort } from "./ports.ts";
import { type Database, startPostgres } from "./postgres.ts";
import { adminKey, type Preparation, prepareDatabase, realPreparation } from "./prepare.ts";
import { type OnSend, type Queues, startQueues } from "./queues.ts";
import { ROOT } from "./root.ts";
import { type ObjectStorage, startStorage } from "./s3.ts";
import { randomSecret, writeSecret } from "./secrets.ts";
import { startCron, startProbe, withDeadline } from "./watchdog.ts";
import { superviseWorker, type WorkerProcess } from "./worker.ts";
import { workerdConfig } from "./workerd-config.ts";

type WorkerName = "api" | "evaluator";

export interface StackOptions {
  /** The folder for everything that must survive: database, objects, keys. */
  data: string;
  /** 0 for any free one. */
  port: number;
  /** URL of a Postgres to use in the place of the embedded one. */
  postgres?: string | undefined;
  /** `http(s)://KEY:SECRET@host:port/bucket` of a store to use in the place of the embedded one. */
  s3?: string | undefined;
  log?: (line: string) => void;
  sweepEverySeconds?: number;
  /** A unit of an evaluation that has not ended by then is ended (30). */
  evaluationDeadlineSeconds?: number;
  /** Nothing is taken from the queues: to measure what requests cost alone. */
  paused?: boolean;
  /** Opens the inspectors of both Workers. */
  inspect?: boolean;
  /** Further variables of both Workers. */
  bindings?: Record<string, string>;
  /** And of one of them alone, over those. */
  ownBindings?: Partial<Record<WorkerName, Record<string, string>>>;
  /** Asked as a Worker sends a message, before it is taken and after: for tests that kill the Worker there. */
  onSend?: OnSend | undefined;
  /** Ends a start that is under way. */
  signal?: AbortSignal;
  /** Other Workers than the real ones, and what their database needs: for tests of the stack itself. */
  wranglerConfig?: string;
  preparation?: Preparation;
}

export interface Stack {
  url: string;
  adminKey: string;
  connection: { databaseUrl: string; databaseWsProxy: string; s3: ObjectStorage };
  /** Of the Workers' processes; null while one is being started. */
  pids(): { api: number | null; evaluator: number | null };
  /** Of the Workers, where they were asked for. */
  inspectorPorts(): { api: number | null; evaluator: number | null };
  close(): Promise<void>;
}

/** Deliveries wait for other people's servers: a slow one must not hold up the rest. */
const DELIVERIES_AT_ONCE = 4;
/** An evaluation is all CPU and memory: a second beside it would only slow it down. */
const EVALUATIONS_AT_ONCE = 1;
/** Production's limit for a queue consumer. */
const API_EVENT_SECONDS = 15 * 60;
/** Ten times what a unit of an evaluation is planned to take, and what a person waits for one that was killed. */
const DEFAULT_DEADLINE_SECONDS = 30;
/** Documentation's own name (RFC 2606) can be subscribed where there is no DNS. */
const LOCAL_NAMES = { "example.com": ["93.184.215.14"] };
/** The lease of an evaluation outlives the watchdog, so that a Worker it has yet to end does not compete. */
const LEASE_MARGIN_SECONDS = 5;

export async function startStack(options: StackOptions): Promise<Stack> {
  const closers: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return { ...(await start(options, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(options: StackOptions, closers: (() => Promise<void> | void)[]): Promise<Omit<Stack, "close">> {
  const { log = () => {}, signal, preparation = realPreparation } = options;
  const folder = resolve(options.data);
  const deadline = options.evaluationDeadlineSeconds ?? DEFAULT_DEADLINE_SECONDS;
  const port = await findPort(options.port);
  closers.push(lockFolder(folder));

  const config = options.wranglerConfig ?? join(ROOT, "wrangler.toml");
  const needless = new AbortController();
  const bundling = buildWorkers(config, log, needless.signal);
  // Its failure is reported when it is awaited below; until then something else may fail first, or the person stop.
  const bundled = bundling.catch(() => {});
  const abandon = () => needless.abort();
  signal?.addEventListener("abort", abandon);
  closers.push(async () => {
    abandon();
    await bundled;
  });
  const { storage, close: closeStorage } = await startStorage(folder, options.s3, log);
  closers.push(closeStorage);
  const database = await startPostgres(folder, options.postgres, log, signal);
  closers.push(database.close);
  signal?.throwIfAborted();
  await prepareDatabase(preparation, { url: database.url, wsProxy: database.wsProxy });
  const bundle = await bundling;
  signal?.throwIfAborted();

  const token = randomSecret(24);
  const queues = await startQueues(token, log, options.onSend);
  closers.push(queues.close);
  const shared = { ...bindingsOf(database, storage, deadline), ...options.bindings };
  const bindings = (name: WorkerName) => ({ ...shared, ...options.ownBindings?.[name] });
  const { inspect } = options;
  const workers = await startWorkers({ bundle, folder, port, bindings, queues, token, log, closers, inspect });
  signal?.throwIfAborted();

  const { api, evaluator } = workers;
  if (!options.paused) {
    consumeAll(queues, bundle.api, workers.apiEvents, api, DELIVERIES_AT_ONCE, API_EVENT_SECONDS, log);
    consumeAll(queues, bundle.evaluator, workers.evaluatorEvents, evaluator, EVALUATIONS_AT_ONCE, deadline, log);
  }
  const url = `http://127.0.0.1:${port}`;
  const key = await adminKey(preparation, { url: database.url, wsProxy: database.wsProxy }, folder, url);
  // For `admin`: the ports are others at every start.
  const connectionFile = join(folder, "connection.json");
  writeSecret(connectionFile, JSON.stringify({ url: database.url, wsProxy: database.wsProxy }));
  closers.push(() => rmSync(connectionFile, { force: true }));
  const sweep = options.sweepEverySeconds ?? 3;
  closers.push(startCron(api, workers.apiEvents, sweep, bundle.api.crons, (line) => log(`api: ${line}`)));
  closers.push(startProbe(api, workers.apiEvents, (line) => log(`api: ${line}`)));
  return {
    url,
    adminKey: key,
    connection: { databaseUrl: database.url, databaseWsProxy: database.wsProxy, s3: storage },
    pids: () => ({ api: api.pid(), evaluator: evaluator.pid() }),
    inspectorPorts: () => ({ api: api.inspectorPort(), evaluator: evaluator.inspectorPort() }),
  };
}

function bindingsOf(database: Database, storage: ObjectStorage, deadline: number): Record<string, string> {
  return {
    DATABASE_URL: database.url,
    DATABASE_WS_PROXY: database.wsProxy,
    S3_ENDPOINT: storage.endpoint,
    S3_REGION: storage.region,
    S3_BUCKET: storage.bucket,
    S3_ACCESS_KEY_ID: storage.accessKeyId,
    S3_SECRET_ACCESS_KEY: storage.secretAccessKey,
    EVALUATION_LEASE_SECONDS: String(deadline + LEASE_MARGIN_SECONDS),
    LOCAL: "1",
    DNS_TABLE: JSON.stringify(LOCAL_NAMES),
  };
}

interface WorkersOptions {
  bundle: Bundle;
  folder: string;
  port: number;
  bindings: (name: WorkerName) => Record<string, string>;
  queues: Queues;
  token: string;
  log: (line: string) => void;
  closers: (() => Promise<void> | void)[];
  inspect: boolean | undefined;
}

async function startWorkers(options: WorkersOptions) {
  const { bundle, folder, token, log, closers } = options;
  const guardian = startGuardian();
  closers.push(guardian.close);
  const configFolder = join(folder, "workerd");
  mkdirSync(configFolder, { recursive: true, mode: 0o700 });
  const pids = new Map<string, number>();
  const launch = async (name: WorkerName, address: string | undefined) => {
    const manifest = bundle[name];
    const config = join(configFolder, `${name}.capnp`);
    const bindings = { ...manifest.vars, ...options.bindings(name) };
    const queueAddress = options.queues.address;
    const bundleFolder = join(bundle.folder, name);
    writeFileSync(
      config,
      workerdConfig({ manifest, bundle: bundleFolder, configFolder, bindings, address, queueAddress, token }),
      { mode: 0o600 },
    );
    const worker = await superviseWorker({
      name,
      config,
      log,
      inspect: options.inspect,
      onPidChange(pid) {
        if (pid === undefined) pids.delete(name);
        else pids.set(name, pid);
        guardian.watch([...pids.values()]);
      },
    });
    closers.push(worker.stop);
    return worker;
  };
  const starting = [launch("api", `127.0.0.1:${options.port}`), launch("evaluator", undefined)] as const;
  // When one fails, the other must be known to the closers before they run.
  await Promise.allSettled(starting);
  const [api, evaluator] = await Promise.all(starting);
  return { api, evaluator, apiEvents: eventsOf(api, token), evaluatorEvents: eventsOf(evaluator, token) };
}

function consumeAll(
  queues: Queues,
  manifest: WorkerManifest,
  events: Events,
  worker: WorkerProcess,
  concurrency: number,
  deadline: number,
  log: (line: string) => void,
): void {
  for (const { queue, ...limits } of manifest.consumers) {
    const consume = (messages: Parameters<Events["queue"]>[1]) =>
      withDeadline(
        worker,
        deadline,
        (line) => log(`queue ${queue}: ${line}`),
        () => events.queue(queue, messages),
      );
    queues.consume(queue, { ...limits, concurrency, consume });
  }
}

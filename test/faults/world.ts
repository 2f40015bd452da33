import { join } from "node:path";
import { sql } from "drizzle-orm";
import { type Bridge, startBridge } from "../../local/bridge.ts";
import { ROOT } from "../../local/root.ts";
import type { DeliveryHint, EvaluationHint, Queues, TeamContext } from "../../src/context.ts";
import { connect, type Database } from "../../src/database/client.ts";
import { migrate } from "../../src/database/migrate.ts";
import { createModel } from "../../src/services/model/create.ts";
import { importHistory } from "../../src/services/model/import.ts";
import type { PinnedModel } from "../../src/services/model/internal.ts";
import { putSuite } from "../../src/services/suite/put.ts";
import { createTeam } from "../../src/services/team/create.ts";
import { createWebhook } from "../../src/services/webhook/create.ts";
import { freshDatabase } from "../stack/databases.ts";
import { tableSuite } from "../stack/table-model.ts";
import { type FaultyPostgres, startFaultyPostgres } from "./faulty-postgres.ts";
import { type FaultyReceiver, startFaultyReceiver } from "./faulty-receiver.ts";
import { type Fault, type Gate, Life, queuesOf, storeOf } from "./life.ts";
import { createMemoryStore, type MemoryStore } from "./memory-store.ts";
import type { Subject, Verbs } from "./operations.ts";
import type { Plant } from "./plants.ts";
import { newReference, type Reference } from "./reference.ts";
import { history } from "./steps.ts";
import { newWebhook, urlRules, verbsOf } from "./verbs.ts";

/** A message in the queues of this process. Any of them may be taken next, or never, or twice. */
export type Message =
  | { queue: "evaluations"; body: EvaluationHint }
  | { queue: "deliveries"; body: DeliveryHint }
  | { queue: "dead-letters"; id: string; body: EvaluationHint | DeliveryHint };

/** What all schedules share: a database of their own behind the faulty proxy, and the receiver. */
export interface Laboratory {
  postgres: FaultyPostgres;
  receiver: FaultyReceiver;
  /** Connections that meet no fault. */
  db: Database;
  connectAs(client: string): ReturnType<typeof connect>;
  close(): Promise<void>;
}

export async function openLaboratory(): Promise<Laboratory> {
  const fresh = await freshDatabase();
  if (!fresh.url) throw new Error("there is no Postgres");
  const { hostname: host, port } = new URL(fresh.url);
  const postgres = await startFaultyPostgres({ host, port: Number(port) });
  const bridge: Bridge = await startBridge({ host: "127.0.0.1", port: postgres.port, tls: "off" }, () => {});
  const connectAs = (client: string) => {
    const url = new URL(fresh.url ?? "");
    url.searchParams.set("application_name", client);
    return connect({ url: url.href, wsProxy: bridge.wsProxy });
  };
  const calm = connectAs("laboratory");
  await migrate({ url: fresh.url, wsProxy: bridge.wsProxy }, join(ROOT, "migrations"));
  const receiver = await startFaultyReceiver();
  return {
    postgres,
    receiver,
    db: calm.db,
    connectAs,
    async close() {
      await calm.close();
      await bridge.close();
      await postgres.close();
      await receiver.close();
      await fresh.drop();
    },
  };
}

let worlds = 0;

/** The service in one process: its verbs, a store, queues and a clock that a schedule moves. */
export class World implements Subject<Fault> {
  readonly verbs: Verbs<Fault>;
  readonly store: MemoryStore = createMemoryStore();
  readonly messages: Message[] = [];
  /** Bodies of the messages that queues gave up: each must be kept, once. */
  readonly givenUp: (EvaluationHint | DeliveryHint)[] = [];
  readonly laboratory: Laboratory;
  readonly receiver: FaultyReceiver;
  /** Connections that meet no fault. */
  readonly db: Database;
  readonly plant: Plant;
  readonly reference: Reference;
  readonly team: { id: string; key: string };
  readonly model: PinnedModel;
  /** What happened, for whoever reads a failure. */
  readonly story: string[] = [];
  readonly path: string;
  gate: Gate | null = null;
  #skew = 0;
  #lives = 0;

  constructor(
    laboratory: Laboratory,
    plant: Plant,
    rest: {
      team: { id: string; key: string };
      model: PinnedModel;
      reference: Reference;
      store: MemoryStore;
      path: string;
    },
  ) {
    this.laboratory = laboratory;
    this.receiver = laboratory.receiver;
    this.db = laboratory.db;
    this.plant = plant;
    this.team = rest.team;
    this.model = rest.model;
    this.reference = rest.reference;
    this.store = rest.store;
    this.path = rest.path;
    this.verbs = verbsOf(this);
  }

  /** Keys of the objects that the store holds. */
  objects = async () => [...this.store.objects.keys()];

  now = () => new Date(Date.now() + this.#skew);

  /** A queue gives a message up. The dead-letter queue gives up none here. */
  giveUp(message: Message): void {
    if (message.queue === "dead-letters") {
      this.messages.push(message);
      return;
    }
    const id = `given-up-${this.givenUp.push(message.body)}`;
    this.messages.push({ queue: "dead-letters", id, body: message.body });
  }

  advance(seconds: number): void {
    this.#skew += seconds * 1000;
  }

  queues: Queues = {
    evaluations: { send: async (body) => this.plant.send(this.messages, { queue: "evaluations", body }) },
    deliveries: { send: async (body) => this.plant.send(this.messages, { queue: "deliveries", body }) },
  };

  /**
   * Lets one Worker live for a request or message. Returns what it answered; null where it failed or died, and then
   * nobody knows what it did.
   */
  async live<Answer>(
    name: string,
    fault: Fault | null,
    work: (ctx: TeamContext) => Promise<Answer>,
  ): Promise<{ answer: Answer } | { error: unknown; life: Life }> {
    const life = new Life(`${name} ${this.#lives++}`, fault, this.gate);
    const { db, close } = this.laboratory.connectAs(life.name);
    const ctx: TeamContext = {
      db,
      artifacts: this.plant.store(storeOf(life, this.store)),
      queues: queuesOf(life, this.queues),
      now: this.now,
      log: () => {},
      actor: { teamId: this.team.id, keyId: "key", scopes: ["read", "push", "admin"] },
    };
    this.laboratory.postgres.decide = ({ client, sql: text }) => lives.get(client)?.decide(text) ?? "pass";
    lives.set(life.name, life);
    try {
      const answer = await work(ctx);
      if (life.dead) throw new Error(life.struck ?? "dead");
      this.story.push(`${life.name}: done${life.struck ? ` (${life.struck})` : ""}`);
      return { answer };
    } catch (error) {
      this.story.push(
        `${life.name}: ${life.struck ?? ""} ${error instanceof Error ? error.message.slice(0, 120) : error}`,
      );
      return { error, life };
    } finally {
      if (life.dead) this.laboratory.postgres.cut(life.name);
      await close().catch(() => {});
      lives.delete(life.name);
    }
  }
}

const lives = new Map<string, Life>();

/** An empty database, a team with a model, its history, and one webhook that stays subscribed to everything. */
export async function newWorld(laboratory: Laboratory, plant: Plant): Promise<World> {
  const { db, receiver } = laboratory;
  await db.execute(sql`truncate teams, dead_letters cascade`);
  receiver.posts.length = 0;
  receiver.next.clear();
  const store = createMemoryStore();
  const { teamId, key } = await createTeam(db, { name: "faults" });
  const nothing: Queues = { evaluations: { send: async () => {} }, deliveries: { send: async () => {} } };
  const ctx: TeamContext = {
    ...{ db, artifacts: store, queues: nothing, now: () => new Date(), log: () => {} },
    actor: { teamId, keyId: "key", scopes: ["read", "push", "admin"] },
  };
  await putSuite(ctx, { name: "suite", bytes: tableSuite(), claimedDigest: null, onlyNew: false });
  const { model } = await createModel(ctx, {
    ...{ name: "model", suite: "suite", tags: [], ensemble: null, policy: {}, keepEvery: null },
  });
  await importHistory(ctx, model, history(), {});
  const path = `/${++worlds}`;
  const world = new World(laboratory, plant, {
    ...{ team: { id: teamId, key }, model, store, path },
    reference: newReference(),
  });
  world.reference.subscribe(await createWebhook(ctx, newWebhook(receiver.url(`${path}/0`)), urlRules));
  return world;
}

import { request } from "node:http";
import { eq, sql } from "drizzle-orm";
import type { Database } from "../../../src/database/client.ts";
import { models } from "../../../src/database/schema.ts";
import { createTeam } from "../../../src/services/team/create.ts";
import { objectsOf } from "../../stack/objects.ts";
import { tableSuite } from "../../stack/table-model.ts";
import type { FaultyReceiver } from "../faulty-receiver.ts";
import type { Remains } from "../invariants.ts";
import type { Came, Subject, Verbs } from "../operations.ts";
import { newReference, type Reference } from "../reference.ts";
import { history } from "../steps.ts";
import { newWebhook } from "../verbs.ts";
import { type Kill, sayKill } from "./kills.ts";
import type { ProcessLaboratory } from "./laboratory.ts";

/** A unit of an evaluation is rightly given up when its evaluator has died five times. */
const MOST_TROUBLED_WORK = 4;
/** For a service that hangs, not a measure of its speed. */
const PATIENCE_MS = 60_000;

/** What is needed of an upload's document. */
interface Begun {
  id: string;
  parts: { url: string | null }[];
}

let worlds = 0;

/** A team on the stack as its clients see it. */
export class StackWorld implements Subject<Kill>, Remains {
  readonly laboratory: ProcessLaboratory;
  readonly reference: Reference = newReference();
  readonly receiver: FaultyReceiver;
  readonly db: Database;
  readonly verbs: Verbs<Kill> = this.#verbs();
  readonly path = `/${++worlds}`;
  readonly story: string[] = [];
  readonly team: { id: string; key: string };
  /** The stack's own queues decide that here. */
  readonly givenUp = null;
  model = { id: "", suiteVersionId: "" };

  constructor(laboratory: ProcessLaboratory, team: { id: string; key: string }) {
    this.laboratory = laboratory;
    this.receiver = laboratory.receiver;
    this.db = laboratory.db;
    this.team = team;
  }

  /** As much as what was not answered: nobody knows what a server did that broke off or failed. */
  async ask<Answer>(
    name: string,
    kill: Kill | null,
    method: string,
    path: string,
    body?: Uint8Array<ArrayBuffer> | string | object,
  ): Promise<Came<Answer>> {
    const url = await this.laboratory.url();
    if (kill) this.plan(kill);
    const raw = typeof body === "string" || body instanceof Uint8Array;
    const came = await fetch(url + path, {
      method,
      headers: {
        accept: "application/json",
        authorization: `Bearer ${this.team.key}`,
        ...(raw || !body ? {} : { "content-type": "application/json" }),
      },
      ...(body ? { body: raw ? body : JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
      .then(async (response) => ({ status: response.status, text: await response.text() }))
      .catch((error: unknown) => ({ status: 0, text: String(error) }));
    this.story.push(`${name}: ${came.status} ${came.status < 300 ? "" : came.text.slice(0, 160)}`);
    if (came.status === 0 || came.status >= 500) return "unanswered";
    const answer = came.text === "" ? null : JSON.parse(came.text);
    return came.status < 300 ? { answer } : { refused: answer.code };
  }

  /** Of who works on evaluations only so many are killed as a unit bears. */
  plan(kill: Kill): void {
    if (kill.victim !== "api" && this.reference.troubledWork >= MOST_TROUBLED_WORK) return;
    if (kill.victim !== "api") this.reference.troubledWork += 1;
    this.laboratory.kills.plan(kill);
    this.story.push(`planned: ${sayKill(kill)}`);
  }

  async killNow(victim: Kill["victim"]): Promise<void> {
    if (victim !== "api" && this.reference.troubledWork >= MOST_TROUBLED_WORK) return;
    if (victim !== "api") this.reference.troubledWork += 1;
    await this.laboratory.url();
    await this.laboratory.kill(victim, `kill -9 ${victim} at any time`);
  }

  /** The Workers have the machine's clock, so time passes by making everything else older. */
  async advance(seconds: number): Promise<void> {
    const ago = sql`make_interval(secs => ${seconds})`;
    const older = [
      sql`update deliveries set next_attempt_at = next_attempt_at - ${ago} where status = 'pending'`,
      sql`update evaluations set hinted_at = hinted_at - ${ago} where status = 'queued'`,
      sql`update evaluation_shards set lease_until = lease_until - ${ago} where done_at is null`,
      sql`update uploads set hinted_at = hinted_at - ${ago}, lease_until = lease_until - ${ago},
        expires_at = expires_at - ${ago} where status <> 'complete'`,
      sql`update model_pins set hinted_at = hinted_at - ${ago} where backfilled_at is null`,
    ];
    for (const statement of older) await unlessDeadlocked(() => this.db.execute(statement));
  }

  objects = () => objectsOf({ id: this.team.id, service: { connection: { s3: this.laboratory.storage } } });

  #verbs(): Verbs<Kill> {
    const steps = () => `/models/${this.model.id}/checkpoints`;
    return {
      push: (step, bytes, kill) => this.ask(`push ${step}`, kill, "PUT", `${steps()}/${step}`, bytes),
      pushCut: async (step, bytes, kill) => {
        const url = new URL(`${steps()}/${step}`, await this.laboratory.url());
        if (kill) this.plan(kill);
        const headers = { authorization: `Bearer ${this.team.key}`, "content-length": bytes.byteLength };
        const outgoing = request(url.href, { method: "PUT", headers });
        const ended = new Promise((resolve) => outgoing.on("close", resolve).on("error", () => {}));
        outgoing.write(bytes.subarray(0, bytes.byteLength >> 1), () => outgoing.destroy());
        await ended;
        this.story.push(`push half of ${step}`);
        return "unanswered";
      },
      upload: async (step, { bytes, digest }, kill) => {
        const begun = await this.ask<Begun>(`upload ${step}`, kill, "POST", `${steps()}/${step}/uploads`, {
          ...{ bytes: bytes.byteLength, digest },
        });
        if (begun === "unanswered" || "refused" in begun) return begun;
        // Straight to the store, of which nobody is killed.
        for (const { url } of begun.answer.parts) if (url) await fetch(url, { method: "PUT", body: bytes });
        return await this.ask(`complete ${step}`, null, "POST", `/uploads/${begun.answer.id}/complete`);
      },
      deleteStep: (step, kill) => this.ask(`delete ${step}`, kill, "DELETE", `${steps()}/${step}`),
      deleteFrom: (from, kill) => this.ask(`delete from ${from}`, kill, "DELETE", `${steps()}?from=${from}`),
      report: (step, splits, kill) =>
        this.ask(`report ${step}`, kill, "PUT", `${steps()}/${step}/evaluation`, { splits }),
      subscribe: (url, kill) => this.ask("subscribe", kill, "POST", "/webhooks", newWebhook(url)),
      enable: (id, enabled, kill) =>
        this.ask(enabled ? "enable" : "disable", kill, "PATCH", `/webhooks/${id}`, { enabled }),
      rotate: (id, kill) => this.ask("rotate", kill, "POST", `/webhooks/${id}/rotate-secret`),
      redeliver: (id, kill) => {
        const range = { from: new Date(0).toISOString(), statuses: ["delivered", "exhausted"] };
        return this.ask("redeliver", kill, "POST", `/webhooks/${id}/redeliver`, range);
      },
    };
  }
}

/** One who waits for a row may be the one whom Postgres lets go. */
async function unlessDeadlocked(act: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await act();
      return;
    } catch (error) {
      const { code } = Object(error instanceof Error ? error.cause : null);
      if (code !== "40P01" || attempt === 5) throw error;
    }
  }
}

/** An empty database, a team with a model, its history, and one webhook that stays subscribed to everything. */
export async function newStackWorld(laboratory: ProcessLaboratory): Promise<StackWorld> {
  const { db, receiver } = laboratory;
  laboratory.kills.forget();
  laboratory.killed.length = 0;
  laboratory.lines.length = 0;
  await unlessDeadlocked(() => db.execute(sql`truncate teams, dead_letters cascade`));
  receiver.posts.length = 0;
  receiver.next.clear();
  const { teamId, key } = await createTeam(db, { name: "kills" });
  const world = new StackWorld(laboratory, { id: teamId, key });
  const must = async <Answer>(came: Promise<Came<Answer>>): Promise<Answer> => {
    const answer = await came;
    if (answer === "unanswered" || !("answer" in answer)) throw new Error(world.story.join("\n"));
    return answer.answer;
  };
  await must(world.ask("suite", null, "PUT", "/suites/suite", tableSuite()));
  const { id } = await must(
    world.ask<{ id: string }>("model", null, "POST", "/models", { name: "model", suite: "suite" }),
  );
  const [row] = await db.select().from(models).where(eq(models.id, id));
  world.model = { id, suiteVersionId: row?.suiteVersionId ?? "" };
  await must(world.ask("history", null, "POST", `/models/${id}/import`, history()));
  world.reference.subscribe(await must(world.verbs.subscribe(receiver.url(`${world.path}/0`), null)));
  return world;
}

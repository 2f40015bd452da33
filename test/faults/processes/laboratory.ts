import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { startBridge } from "../../../local/bridge.ts";
import { type ObjectStorage, startStorage } from "../../../local/s3.ts";
import { connect, type Database } from "../../../src/database/client.ts";
import { freshDatabase } from "../../stack/databases.ts";
import { forward } from "../../stack/faulty-store.ts";
import { startFaultyPostgres } from "../faulty-postgres.ts";
import { type FaultyReceiver, startFaultyReceiver } from "../faulty-receiver.ts";
import { superviseHost } from "./host-process.ts";
import { type Call, type Kill, Kills, sayKill, type WorkerName } from "./kills.ts";

/** What all schedules share: one stack, in processes that are killed and started again, on a Postgres that is not. */
export interface ProcessLaboratory {
  /** Of the kills that a schedule plans. */
  kills: Kills;
  /** What was killed and where, in order; the schedule empties it. */
  killed: string[];
  /** What the stack has said; the schedule empties it. */
  lines: string[];
  /** Connections that no Worker has. */
  db: Database;
  storage: ObjectStorage;
  receiver: FaultyReceiver;
  /** Where the API answers, once it does. */
  url(): Promise<string>;
  kill(victim: Kill["victim"], why: string): Promise<void>;
  close(): Promise<void>;
}

/** The lease of an evaluation is for the schedule to move; nothing may run out by itself on a busy machine. */
const LONG_SECONDS = 60;
const MOST_LINES = 400;

export async function openProcessLaboratory(): Promise<ProcessLaboratory> {
  const folder = mkdtempSync(join(tmpdir(), "curie-point-kills-"));
  const fresh = await freshDatabase();
  if (!fresh.url) throw new Error("there is no Postgres");
  const server = new URL(fresh.url);
  const postgres = await startFaultyPostgres({ host: server.hostname, port: Number(server.port) });
  const { storage, close: closeStorage } = await startStorage(folder, undefined, () => {});
  const receiver = await startFaultyReceiver();
  const bridge = await startBridge({ host: server.hostname, port: Number(server.port), tls: "off" }, () => {});
  const calm = connect({ url: fresh.url, wsProxy: bridge.wsProxy });

  const kills = new Kills();
  const [killed, lines]: [string[], string[]] = [[], []];
  const kill = async (victim: Kill["victim"], why: string) => {
    if (await host.kill(victim)) killed.push(why);
  };
  const strike = (due: Kill) => kill(due.victim, sayKill(due));
  postgres.decide = async ({ client, sql }) => {
    if (client !== "api" && client !== "evaluator") return "pass";
    const due = kills.meet(client, sql === "commit" ? ["commit", "statement"] : ["statement"]);
    if (!due) return "pass";
    if (due.when === "after") return { deaf: true, meanwhile: () => strike(due) };
    await strike(due);
    return "cut";
  };
  receiver.meet = meetOnce(kills, "api", "post", strike);
  const doors = {
    api: await startDoor(storage, (calls) => kills.meet("api", calls), strike),
    evaluator: await startDoor(storage, (calls) => kills.meet("evaluator", calls), strike),
  };
  const sending = {
    api: meetOnce(kills, "api", "send", strike),
    evaluator: meetOnce(kills, "evaluator", "send", strike),
  };

  const through = new URL(fresh.url);
  through.host = `127.0.0.1:${postgres.port}`;
  const ownBindings = (name: WorkerName) => {
    const url = new URL(through);
    url.searchParams.set("application_name", name);
    return { DATABASE_URL: url.href, S3_ENDPOINT: doors[name].url };
  };
  const keys = `${storage.accessKeyId}:${storage.secretAccessKey}`;
  const host = superviseHost(
    {
      ...{ data: join(folder, "stack"), port: 0, postgres: through.href, sweepEverySeconds: 1 },
      s3: `${storage.endpoint.replace("//", `//${keys}@`)}/${storage.bucket}?region=${storage.region}`,
      evaluationDeadlineSeconds: LONG_SECONDS,
      ownBindings: { api: ownBindings("api"), evaluator: ownBindings("evaluator") },
    },
    {
      log(line) {
        lines.push(line);
        if (lines.length > MOST_LINES) lines.shift();
      },
      onSend: (of, when) => sending[of](when),
    },
  );
  const url = async () => {
    for (;;) {
      const found = await host.url();
      const answer = await fetch(`${found}/healthz`).catch(() => null);
      await answer?.body?.cancel();
      if (answer?.ok) return found;
      await pause(20);
    }
  };
  // The database has its tables by then.
  await url();
  return {
    ...{ kills, killed, lines, db: calm.db, storage, receiver, kill, url },
    async close() {
      await host.close();
      await calm.close();
      await bridge.close();
      await postgres.close();
      for (const door of Object.values(doors)) await door.close();
      await receiver.close();
      await closeStorage();
      await fresh.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * For calls that are met twice. Of two that are on their way at once the first end may be the other's: then it is that
 * one at which the Worker dies, just as well.
 */
function meetOnce(kills: Kills, of: WorkerName, call: Call, strike: (due: Kill) => Promise<void>) {
  const late: Kill[] = [];
  return async (when: "before" | "after"): Promise<boolean> => {
    const due = when === "before" ? kills.meet(of, [call]) : late.shift();
    if (!due) return true;
    if (due.when === when) await strike(due);
    else late.push(due);
    return due.when !== when;
  };
}

/** Stands between a Worker and the store. */
async function startDoor(
  { endpoint }: ObjectStorage,
  meet: (calls: readonly Call[]) => Kill | null,
  strike: (due: Kill) => Promise<void>,
) {
  const upstream = new URL(endpoint);
  const server = createServer(async (incoming, response) => {
    // What is sent to a presigned address is its sender's and no Worker's.
    const due = /[?&]X-Amz-Signature=/i.test(incoming.url ?? "") ? null : meet(["store"]);
    if (due?.when === "before") {
      await strike(due);
      incoming.socket.destroy();
    } else if (due) forward(incoming, response, upstream, "deaf", () => strike(due));
    else forward(incoming, response, upstream, "none");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const port: number = Object(server.address()).port;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

import { once } from "node:events";
import { request } from "node:http";
import { and, eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { createArtifactStore } from "../../src/artifacts/store.ts";
import type { TeamContext } from "../../src/context.ts";
import {
  deliveries,
  evaluations,
  keys,
  pins,
  sessions,
  suiteVersions,
  uploads,
  webhooks,
} from "../../src/database/schema.ts";
import { newId } from "../../src/ids.ts";
import { backfillModel } from "../../src/services/model/backfill.ts";
import { getModel } from "../../src/services/model/internal.ts";
import { updateModel } from "../../src/services/model/update.ts";
import { sweep } from "../../src/services/sweep/sweep.ts";
import { contextOf } from "./in-process.ts";
import { expireUploads, objectsOf, sweptObjects, uploadsOf } from "./objects.ts";
import { startPrivateStack } from "./private-stack.ts";
import { newTeam, shared, type Team, until } from "./service.ts";
import { tableModel, tableSuite } from "./table-model.ts";
import { newTableModel, pushAll, SCRIPTS, settledVerdict } from "./trajectories.ts";

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
const ago = (milliseconds: number) => new Date(Date.now() - milliseconds);

/** Sends the first bytes at once and the rest when told to; `answer` is the status. */
async function slowly(team: Team, path: string, body: Uint8Array) {
  const headers = { authorization: `Bearer ${team.key}`, "content-length": body.byteLength };
  const sent = request(`${team.service.url}${path}`, { method: "PUT", headers });
  const answer = once(sent, "response").then(([response]) => response.resume().statusCode as number);
  sent.write(body.subarray(0, 1000));
  return { end: () => sent.end(body.subarray(1000)), answer };
}

test("an upload that ends after it was given up leaves no object, and its row knows the key until then", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  const body = tableModel("late", { train: 0.5, validation: 0.5, "ood:shift": 0.5 });
  const late = await slowly(team, `/models/${id}/checkpoints/1`, body);
  const rowOf = async () => (await uploadsOf(team)).find(({ step }) => step === 1);
  const row = await until("its upload", rowOf);
  await team.db
    .update(uploads)
    .set({ expiresAt: ago(1000) })
    .where(eq(uploads.id, row.id));
  await until("its upload given up", async () => (await rowOf())?.status !== "receiving");
  late.end();
  expect(await late.answer).toBe(503);
  expect((await rowOf())?.status).toBe("discarded");
  // Of the suite alone.
  expect(await sweptObjects(team)).toHaveLength(1);
});

test("what a store wrote after its upload was discarded is found once the grace is over", async () => {
  const team = await newTeam();
  const upload = { id: newId("upload"), teamId: team.id, bytes: 1, status: "discarded" as const };
  const objectKey = `${team.id}/artifacts/${upload.id}`;
  await createArtifactStore(shared().connection.s3).put(objectKey, new Uint8Array(1));
  await team.db.insert(uploads).values({ ...upload, objectKey, expiresAt: ago(HOUR / 2) });
  await sweep(contextOf(team, []), { hintAfterSeconds: 1e6 });
  expect(await uploadsOf(team)).toHaveLength(1);
  await expireUploads(team);
  await until("its row gone", async () => (await uploadsOf(team)).length === 0);
  expect(await objectsOf(team)).toEqual([]);
});

/** A queue of evaluations as given. */
const evaluationsBy = (send: (message: unknown) => Promise<unknown>): Partial<TeamContext> => ({
  queues: {
    evaluations: { send: async (message) => void (await send(message)) },
    deliveries: { send: async () => {} },
  },
});

test("a queue that is away stops nothing else, and the next sweep tries again", async () => {
  // A stack whose own sweep does not come by.
  const stack = await startPrivateStack({ sweepEverySeconds: 3600 });
  try {
    const team = await newTeam(stack);
    const { db } = team;
    const { id } = await newTableModel(team);
    await pushAll(team, id, SCRIPTS.memorizer.slice(0, 1));
    await settledVerdict(team, id);
    const hintedAt = ago(HOUR);
    await db.update(evaluations).set({ status: "queued", hintedAt }).where(eq(evaluations.modelId, id));
    const webhookId = newId("webhook");
    await db
      .insert(webhooks)
      .values({ id: webhookId, teamId: team.id, url: "https://example.com", secret: "s", events: [] });
    const delivery = { id: newId("delivery"), webhookId, teamId: team.id, eventId: newId("event"), body: "{}" };
    await db.insert(deliveries).values({ ...delivery, eventType: "ping", status: "pending", nextAttemptAt: ago(HOUR) });

    const lines: string[] = [];
    const away = contextOf(team, [], {
      ...evaluationsBy(() => Promise.reject(new Error("the queue is away"))),
      log: (_level, event, fields) => lines.push(`${event} ${JSON.stringify(fields)}`),
    });
    expect(await sweep(away, { hintAfterSeconds: 60 })).toMatchObject({ evaluations: 0, deliveries: 1 });
    expect(lines.join()).toContain("the queue is away");
    const [row] = await db.select().from(evaluations).where(eq(evaluations.modelId, id));
    expect(row?.hintedAt).toEqual(hintedAt);
    const back = contextOf(team, []);
    expect(await sweep(back, { hintAfterSeconds: 60 })).toMatchObject({ evaluations: 1 });
  } finally {
    await stack.close();
  }
});

test("a move that a model left in the middle is looked at by no sweep, until the model is back", async () => {
  const stack = await startPrivateStack({ sweepEverySeconds: 3600 });
  try {
    const team = await newTeam(stack);
    const { id, suite } = await newTableModel(team);
    await pushAll(team, id, SCRIPTS.memorizer.slice(0, 2));
    await settledVerdict(team, id);
    const versions: string[] = [];
    for (const splits of [
      ["train", "ood:shift", "validation"],
      ["train", "ood:shift"],
    ]) {
      const put = await team.call<{ version: string }>("PUT", `/suites/${suite}`, { body: tableSuite(splits) });
      versions.push(put.body.version);
    }
    const hints: unknown[] = [];
    // Moves whose messages are lost.
    const ctx = contextOf(
      team,
      ["admin"],
      evaluationsBy(async (message) => hints.push(message)),
    );
    const moveTo = async (version: string | undefined) =>
      await updateModel(ctx, await getModel(ctx, id), { suite: { name: suite, version: version ?? null } });
    const swept = async () => {
      hints.length = 0;
      const { moves } = await sweep({ ...ctx, now: () => new Date(Date.now() + HOUR) }, { hintAfterSeconds: 60 });
      return { moves, hints: hints.filter((hint) => "movedModelId" in (hint as object)).length };
    };
    await moveTo(versions[0]);
    expect(await swept()).toEqual({ moves: 1, hints: 1 });
    await moveTo(versions[1]);
    expect(await swept()).toEqual({ moves: 1, hints: 1 });
    const [left, here] = await Promise.all(
      versions.map(async (version) => {
        const [row] = await team.db
          .select({ hintedAt: pins.hintedAt })
          .from(pins)
          .innerJoin(suiteVersions, eq(suiteVersions.id, pins.suiteVersionId))
          .where(and(eq(pins.modelId, id), eq(suiteVersions.version, version)));
        return row;
      }),
    );
    expect(left).toEqual({ hintedAt: null });
    expect(here?.hintedAt).not.toBeNull();
    await moveTo(versions[0]);
    expect(await swept()).toEqual({ moves: 1, hints: 1 });
    expect(await backfillModel(ctx, id)).toBe("done");
    expect(await swept()).toEqual({ moves: 0, hints: 0 });
  } finally {
    await stack.close();
  }
});

test("sessions that have ended and uploads that were complete a week ago are deleted, others stay", async () => {
  const team = await newTeam();
  const { db } = team;
  const [key] = await db.select().from(keys).where(eq(keys.teamId, team.id));
  if (!key) throw new Error("the team has no key");
  const session = (expiresAt: Date) => {
    const id = newId("session");
    return { id, teamId: team.id, keyId: key.id, tokenHash: id, expiresAt };
  };
  const upload = (status: "complete" | "receiving", createdAt: Date) => {
    const id = newId("upload");
    return { id, teamId: team.id, objectKey: id, bytes: 1, status, createdAt, expiresAt: ago(-HOUR) };
  };
  const kept = {
    session: session(ago(-HOUR)),
    uploads: [upload("complete", ago(6 * DAY)), upload("receiving", ago(8 * DAY))],
  };
  await db.insert(sessions).values([session(ago(1000)), kept.session]);
  await db.insert(uploads).values([upload("complete", ago(8 * DAY)), ...kept.uploads]);
  await until("the old ones gone", async () => (await uploadsOf(team)).length === 2);
  expect((await uploadsOf(team)).map(({ id }) => id).sort()).toEqual(kept.uploads.map(({ id }) => id).sort());
  const left = await until("the ended session gone", async () => {
    const rows = await db.select().from(sessions).where(eq(sessions.teamId, team.id));
    return rows.length === 1 && rows;
  });
  expect(left[0]?.id).toBe(kept.session.id);
});

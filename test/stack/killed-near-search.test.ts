import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { suiteVersions, uploads } from "../../src/database/schema.ts";
import { checkSplits } from "../../src/services/suite/check-splits.ts";
import { planSuite } from "../../src/services/suite/plan-suite.ts";
import { parseSafetensorsHeader } from "../../src/tensors/safetensors.ts";
import { createRandom } from "../../trainer/src/random.ts";
import { type Entry, safetensors } from "../tensors/safetensors-builder.ts";
import { type PrivateStack, startPrivateStack } from "./private-stack.ts";
import { newTeam, until } from "./service.ts";

const WIDTH = 24;
/** More than one index holds, so that every block of the other split goes through two of them. */
const TRAIN_ROWS = 66_000;
/** Five blocks. */
const OTHER_ROWS = 270_000;
/** Rows of the other split that are nearly one of train, the last of them in its last block. */
const PLANTED = [5, 70_000, 200_001, OTHER_ROWS - 1];

const random = createRandom(11, "killed-near-search");
const draw = (rows: number) => Uint8Array.from({ length: rows * WIDTH }, () => Math.floor(random.uniform() * 256));
const entries = (split: string, data: Uint8Array): Entry[] => {
  const rows = data.length / WIDTH;
  const targets = Uint8Array.from({ length: rows }, (_, row) => row % 2);
  return [
    { name: `${split}/x`, dtype: "U8", shape: [rows, WIDTH], data },
    { name: `${split}/target`, dtype: "U8", shape: [rows], data: targets },
  ];
};

function makeSuite(): Uint8Array<ArrayBuffer> {
  const [train, other] = [draw(TRAIN_ROWS), draw(OTHER_ROWS)];
  for (const [n, row] of PLANTED.entries()) {
    const of = n * 20_000;
    other.set(train.subarray(of * WIDTH, (of + 1) * WIDTH), row * WIDTH);
    other[row * WIDTH] = 255 - (other[row * WIDTH] ?? 0);
  }
  return Uint8Array.from(safetensors([...entries("train", train), ...entries("ood:other", other)], { output: "y" }));
}

let stack: PrivateStack;
beforeAll(async () => {
  // A message has a quarter of its lease: the search takes several.
  stack = await startPrivateStack({ evaluationDeadlineSeconds: 60, bindings: { EVALUATION_LEASE_SECONDS: "6" } });
});
afterAll(async () => await stack.close());

test("a search for near duplicates that is killed goes on from where it was, and finds what an undisturbed one does", async () => {
  const team = await newTeam(stack);
  const file = makeSuite();
  const digest = `sha256:${createHash("sha256").update(file).digest("hex")}`;
  const begun = await team.call<{ id: string; parts: { offset: number; bytes: number; url: string }[] }>(
    "POST",
    "/suites/sought/uploads",
    { body: { bytes: file.byteLength, digest } },
  );
  expect(begun.status, begun.text).toBe(201);
  const { id, parts } = begun.body;
  for (const { offset, bytes, url } of parts) {
    expect((await fetch(url, { method: "PUT", body: file.slice(offset, offset + bytes) })).status).toBe(200);
  }
  expect((await team.call("POST", `/uploads/${id}/complete`)).status).toBe(202);

  const look = async () => {
    const [row] = await team.db.select().from(uploads).where(eq(uploads.id, id));
    if (!row) throw new Error("the upload is gone");
    return { status: row.status, attempts: row.attempts, rows: row.verification?.suite?.near?.rows ?? 0 };
  };
  const before = await until("a part of the search written down, and another message at it", async () => {
    const now = await look();
    expect(now.status, "the search ended before it could be killed").toBe("verifying");
    return now.rows > 0 && now.attempts > 0 && now;
  });
  const pid = stack.pids().evaluator;
  if (pid === null) throw new Error("there is no evaluator to kill");
  process.kill(pid, "SIGKILL");

  const seen = [before];
  while (seen.at(-1)?.status === "verifying") {
    await pause(50);
    seen.push(await look());
  }
  expect(seen.at(-1)?.status).toBe("complete");
  const rows = seen.filter(({ status }) => status === "verifying").map((one) => one.rows);
  expect(rows, "never back to the first row").toEqual(rows.toSorted((a, b) => a - b));
  // The attempt that was killed counts, until another comes further.
  expect(Math.max(...seen.map(({ attempts }) => attempts))).toBeGreaterThan(1);

  const [version] = await team.db.select().from(suiteVersions).where(eq(suiteVersions.teamId, team.id));
  expect(version?.audit?.splits.map(({ nearTrain }) => nearTrain)).toEqual([null, PLANTED.length]);
  const undisturbed = await checkSplits(
    planSuite(parseSafetensorsHeader(file)),
    (from, to) => file.subarray(from, to),
    { from: { checked: [], near: null }, save: async () => true },
  );
  expect(version?.audit).toEqual(undisturbed?.audit);
});

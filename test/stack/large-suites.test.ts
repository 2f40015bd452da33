import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { evaluations, suiteVersions } from "../../src/database/schema.ts";
import { type SafeTensor, writeSafetensors } from "../../trainer/src/safetensors.ts";
import { sweptObjects } from "./objects.ts";
import { type PrivateStack, startPrivateStack } from "./private-stack.ts";
import { expectRefusal } from "./refused.ts";
import { newTeam, type Team, until } from "./service.ts";
import { linear } from "./task-models.ts";

interface Upload {
  id: string;
  status: string;
  parts: { offset: number; bytes: number; url: string | null }[];
  suite: { name: string; version: string; status: string } | null;
  problem: { code: string; detail: string } | null;
}
interface Version {
  version: string;
  status: string;
  problem: { code: string; detail: string } | null;
  audit: { splits: { inTrain: number | null; duplicateRows: number }[]; nearSearched: number } | null;
}

const WIDTH = 1024;
const ROWS = { train: 4_000, validation: 2_000, "ood:shift": 4_000 };
const SHARED_ROWS = 500;

/** 41 MB: rows of numbers, the class whether their sum is above zero. The OOD split has 500 rows of train. */
async function largeSuite(change?: (values: Float32Array, targets: BigInt64Array, split: string) => void) {
  const tensors: [string, SafeTensor][] = [];
  for (const [split, rows] of Object.entries(ROWS)) {
    const values = new Float32Array(rows * WIDTH);
    const targets = new BigInt64Array(rows);
    for (let row = 0; row < rows; row += 1) {
      let seed = row + (split === "ood:shift" && row < SHARED_ROWS ? "train" : split).length * 1_000_003;
      let sum = 0;
      for (let n = 0; n < WIDTH; n += 1) {
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
        const value = Math.fround(seed / 2 ** 30);
        values[row * WIDTH + n] = value;
        sum += value;
      }
      targets[row] = BigInt(sum > 0);
    }
    change?.(values, targets, split);
    tensors.push(
      [`${split}/x`, { shape: [rows, WIDTH], values }],
      [`${split}/target`, { shape: [rows], values: targets }],
    );
    // Connections that were closed meanwhile are to be seen as such.
    await setImmediate();
  }
  return writeSafetensors(new Map(tensors), { task: "classification", output: "y" });
}

/** Two scores: 0, and the row's sum. */
const rowSum = linear(
  Array.from({ length: 2 * WIDTH }, (_, n) => n % 2),
  [0, 0],
);

const digestOf = (body: Uint8Array) => `sha256:${createHash("sha256").update(body).digest("hex")}`;
const begin = (team: Team, name: string, body: { bytes: number; digest: string }) =>
  team.call<Upload>("POST", `/suites/${name}/uploads`, { body });

/** Sends all parts and joins them. */
async function upload(team: Team, name: string, file: Uint8Array<ArrayBuffer>, digest = digestOf(file)) {
  const begun = await begin(team, name, { bytes: file.byteLength, digest });
  expect(begun.status, begun.text).toBe(201);
  for (const { offset, bytes, url } of begun.body.parts) {
    const body = file.slice(offset, offset + bytes);
    expect((await fetch(url ?? "", { method: "PUT", body })).status).toBe(200);
  }
  const joined = await team.call<Upload>("POST", `/uploads/${begun.body.id}/complete`);
  expect(joined.status, joined.text).toBe(202);
  return joined.body;
}

const ended = (team: Team, { id }: Upload) =>
  until(`the end of ${id}`, async () => {
    const { body } = await team.call<Upload>("GET", `/uploads/${id}`);
    return ["complete", "refused"].includes(body.status) && body;
  });

let stack: PrivateStack;
beforeAll(async () => {
  stack = await startPrivateStack({ evaluationDeadlineSeconds: 60, bindings: { EVALUATION_LEASE_SECONDS: "20" } });
});
afterAll(async () => await stack.close());

test("a suite of 41 MB is validated and audited while the evaluator is killed, evaluated, and the same once more", async () => {
  const team = await newTeam(stack);
  const file = await largeSuite();
  expect(file.byteLength).toBeGreaterThan(32 * 1024 * 1024);
  const sent = await upload(team, "large", file);
  expect(sent.suite).toMatchObject({ name: "large", version: digestOf(file) });
  const version = `/suites/large/versions/${digestOf(file)}`;
  expect((await team.call<Version>("GET", version)).body).toMatchObject({ status: "validating", audit: null });
  // Nothing pins it until it is ready.
  const early = await team.call("POST", "/models", { body: { name: "m", suite: "large" } });
  expectRefusal(early, { status: 422, code: "suite_unknown", says: "the newest is validating" });
  const pid = stack.pids().evaluator;
  if (pid !== null) process.kill(pid, "SIGKILL");

  expect(await ended(team, sent)).toMatchObject({ status: "complete", suite: { status: "ready" }, problem: null });
  const ready = (await team.call<Version>("GET", version)).body;
  expect(ready).toMatchObject({ status: "ready", version: digestOf(file) });
  expect(ready.audit?.splits.map(({ inTrain }) => inTrain)).toEqual([null, 0, SHARED_ROWS]);

  await team.client.createModel({ name: "m", suite: "large" });
  await team.client.pushCheckpoint("m", 1, rowSum);
  const done = await until("its evaluation", async () => {
    const [row] = await team.db.select().from(evaluations).where(eq(evaluations.teamId, team.id));
    return row && row.status !== "queued" && row;
  });
  expect(done.failureMessage).toBeNull();
  const { results } = done;
  for (const [split, rows] of Object.entries(ROWS)) {
    expect(results?.[split]).toMatchObject({ total: rows });
    // Sums in another order may fall on the other side of zero.
    expect(results?.[split]?.correct).toBeGreaterThan(rows * 0.99);
  }

  // The same content again is the same version, and no second object.
  expect(await ended(team, await upload(team, "large", file))).toMatchObject({ status: "complete" });
  const kept = await team.db.select().from(suiteVersions).where(eq(suiteVersions.teamId, team.id));
  expect(kept).toHaveLength(1);
  expect(await sweptObjects(team)).toHaveLength(2);
});

test.each([
  {
    name: "a NaN in the middle",
    change: (values: Float32Array, _targets: BigInt64Array, split: string) => {
      if (split === "validation") values[1_000 * WIDTH + 5] = Number.NaN;
    },
    says: /"validation\/x" has NaN at position \d+, in row 1000/,
  },
  {
    name: "a class below 0 in the last row of the last split",
    change: (_values: Float32Array, targets: BigInt64Array, split: string) => {
      if (split === "ood:shift") targets[ROWS["ood:shift"] - 1] = -3n;
    },
    says: /"ood:shift\/target" has the class -3 at position 3999, in row 3999/,
  },
  {
    name: "one class in the last split",
    change: (_values: Float32Array, targets: BigInt64Array, split: string) => {
      if (split === "ood:shift") targets.fill(1n);
    },
    says: /"ood:shift\/target" has one class/,
  },
])("$name is refused with its place, stays refused, and leaves no object", async ({ change, says }) => {
  const team = await newTeam(stack);
  const file = await largeSuite(change);
  const refused = await ended(team, await upload(team, "bad", file));
  expect(refused).toMatchObject({
    status: "refused",
    suite: { status: "refused" },
    problem: { code: "invalid_suite" },
  });
  expect(refused.problem?.detail).toMatch(says);
  const listed = await team.call<{ versions: Version[] }>("GET", "/suites/bad/versions");
  expect(listed.body.versions).toMatchObject([{ status: "refused", problem: { code: "invalid_suite" } }]);
  const none = await team.call("GET", "/suites/bad");
  expectRefusal(none, { status: 404, code: "suite_not_found", says: "the newest is refused" });
  expect(await sweptObjects(team)).toEqual([]);
});

test("bytes of another digest are no version, and what is too large or given up is not there", async () => {
  const team = await newTeam(stack);
  const file = await largeSuite();
  const wrong = await ended(team, await upload(team, "other", file, `sha256:${"1".repeat(64)}`));
  expect(wrong).toMatchObject({ status: "refused", suite: null, problem: { code: "digest_mismatch" } });
  // Though what is there is no suite at all, the version that was announced may be one.
  const garbage = new Uint8Array(500).fill(7);
  const other = await ended(team, await upload(team, "other", garbage, digestOf(file)));
  expect(other).toMatchObject({ status: "refused", suite: null, problem: { code: "digest_mismatch" } });
  const huge = { bytes: 200 * 1024 * 1024, digest: digestOf(file) };
  expectRefusal(await begin(team, "other", huge), { status: 413, code: "body_too_large", says: "134217728" });
  const begun = await begin(team, "other", { bytes: file.byteLength, digest: digestOf(file) });
  const again = await begin(team, "other", { bytes: file.byteLength, digest: digestOf(file) });
  expect(again).toMatchObject({ status: 200, body: { id: begun.body.id } });
  expect((await team.call("DELETE", `/uploads/${begun.body.id}`)).status).toBe(204);
  expect((await team.call("GET", "/suites/other/versions")).body).toEqual({ versions: [], next: null });
});

import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { suites, suiteVersions } from "../../src/database/schema.ts";
import { type SafeTensor, writeSafetensors } from "../../trainer/src/safetensors.ts";
import { chunked, expectTooLong, sendRaw } from "./bodies.ts";
import { sweptObjects } from "./objects.ts";
import { expectRefusal, type Refusal } from "./refused.ts";
import { newTeam, type Team } from "./service.ts";
import { tableModel, tableSuite } from "./table-model.ts";

let team: Team;
beforeAll(async () => {
  team = await newTeam();
});

const ids = (...values: number[]): SafeTensor => ({
  shape: [values.length],
  values: BigInt64Array.from(values, BigInt),
});
const floats = (shape: number[], ...values: number[]): SafeTensor => ({ shape, values: Float32Array.from(values) });

const GOOD: Record<string, SafeTensor> = {
  "train/x": ids(1, 2, 3),
  "train/target": ids(0, 1, 2),
  "ood:shift/x": ids(4, 5, 6),
  "ood:shift/target": ids(0, 1, 2),
};
const METADATA = { task: "classification", output: "logits" };

/** The good suite with tensors replaced, or left out where null. */
function suite(changes: Record<string, SafeTensor | null>, metadata: Record<string, string> = METADATA) {
  const tensors = Object.entries({ ...GOOD, ...changes }).filter((entry): entry is [string, SafeTensor] => !!entry[1]);
  return writeSafetensors(new Map(tensors), metadata);
}

/** The file with its six letters as the escape of a lone surrogate, which UTF-8 itself cannot carry. */
const halved = (file: Uint8Array<ArrayBuffer>) =>
  Uint8Array.from(Buffer.from(Buffer.from(file).toString("latin1").replace("HALVED", "\\ud800"), "latin1"));

const bad: { name: string; body: Uint8Array<ArrayBuffer>; says: string | RegExp }[] = [
  { name: "no train split", body: suite({ "train/x": null, "train/target": null }), says: 'no split "train"' },
  { name: "one split", body: suite({ "ood:shift/x": null, "ood:shift/target": null }), says: "validation" },
  { name: "a split without a target", body: suite({ "train/target": null }), says: '"train" has no "train/target"' },
  { name: "a split without inputs", body: suite({ "ood:shift/x": null }), says: /no inputs|has the inputs/ },
  { name: "fewer rows than targets", body: suite({ "train/x": ids(1, 2) }), says: "has 2 rows" },
  { name: "no rows", body: suite({ "train/x": ids(), "train/target": ids() }), says: "no rows" },
  { name: "a class below zero", body: suite({ "train/target": ids(0, 1, -1) }), says: "class -1 at position 2" },
  { name: "a class that no output has", body: suite({ "train/target": ids(0, 1, 2 ** 24) }), says: "16777215" },
  {
    name: "targets of another shape in another split",
    body: suite({ "ood:shift/target": { ...ids(0, 1, 2, 0, 1, 2), shape: [3, 2] } }),
    says: '"ood:shift/target" is int64[n, 2]; "train/target" is int64[n]',
  },
  {
    name: "other labels in another split",
    body: suite(
      {
        "train/target": { ...ids(0, 1, 1, 0, 1, 1), shape: [3, 2] },
        "ood:shift/target": { ...ids(0, 1, 1, 0, 1, 1, 0, 0, 1), shape: [3, 3] },
      },
      { ...METADATA, task: "multilabel" },
    ),
    says: '"train/target" is int64[n, 2]',
  },
  {
    name: "targets of another type in another split",
    body: suite({ "ood:shift/target": { shape: [3], values: Int32Array.of(0, 1, 2) } }),
    says: '"ood:shift/target" is int32[n]',
  },
  { name: "an input of no name", body: suite({ "train/": ids(1, 2, 3) }), says: '"train/" names no input' },
  { name: "rows of no values", body: suite({ "train/x": { ...ids(), shape: [3, 0] } }), says: "rows of no values" },
  {
    name: "an infinite number to predict",
    body: suite(
      { "train/target": floats([3], 0, 9, Infinity), "ood:shift/target": floats([3], 0, 5, 9) },
      { output: "y", task: "regression", tolerance: "1" },
    ),
    says: '"train/target" has Infinity at position 2, in row 2',
  },
  { name: "a mask of fractions", body: suite({ "train/target_mask": floats([3], 0.5, 1, 1) }), says: "mask's values" },
  {
    name: "a threshold that nothing reaches",
    body: suite({}, { output: "y", task: "binary", threshold: "1" }),
    says: "below 1",
  },
  {
    name: "more tensors than are shown",
    body: suite(Object.fromEntries(Array.from({ length: 1024 }, (_, n) => [`ood:${n}/x`, ids(1, 2, 3)]))),
    says: "the limit is 1024",
  },
  { name: "one class alone", body: suite({ "train/target": ids(1, 1, 1) }), says: "one class" },
  { name: "targets that are no classes", body: suite({ "train/target": floats([3], 0, 1, 2) }), says: "float32" },
  {
    name: "an input that is no number",
    body: suite({ "train/x": floats([3], 0, Number.NaN, 2), "ood:shift/x": floats([3], 1, 2, 3) }),
    says: "NaN at position 1",
  },
  { name: "inputs that differ by split", body: suite({ "ood:shift/x": floats([3], 1, 2, 3) }), says: "has the inputs" },
  { name: "another task", body: suite({}, { ...METADATA, task: "ranking" }), says: '"ranking"' },
  { name: "no tolerance", body: suite({}, { ...METADATA, task: "regression" }), says: "tolerance" },
  { name: "a tolerance of nothing", body: suite({}, { task: "regression", output: "y", tolerance: "0" }), says: '"0"' },
  { name: "an option of another task", body: suite({}, { ...METADATA, tolerance: "1" }), says: "no option" },
  { name: "an index that is no number", body: suite({}, { ...METADATA, ignore_index: "pad" }), says: '"pad"' },
  { name: "nothing asked", body: suite({ "train/target_mask": ids(0, 0, 0) }), says: "asks nothing" },
  { name: "a mask of another shape", body: suite({ "train/target_mask": ids(1, 1) }), says: "train/target_mask" },
  { name: "a 2 where 0 or 1 belong", body: suite({}, { ...METADATA, task: "binary" }), says: "2 at position 2" },
  { name: "labels without an axis", body: suite({}, { ...METADATA, task: "multilabel" }), says: "last axis" },
  {
    name: "one number that is near every target",
    body: suite({}, { output: "y", task: "regression", tolerance: "1" }),
    says: "One answer is right",
  },
  { name: "no output", body: suite({}, { task: "classification" }), says: '"output"' },
  { name: "an output with a NUL", body: suite({}, { ...METADATA, output: "a\0b" }), says: /control characters/ },
  {
    name: "an output with half a character",
    body: halved(suite({}, { ...METADATA, output: "HALVED" })),
    says: /Unicode/,
  },
  { name: "a task with a NUL", body: suite({}, { ...METADATA, task: "a\0b" }), says: "task" },
  { name: "a task with half a character", body: halved(suite({}, { ...METADATA, task: "HALVED" })), says: "task" },
  { name: "a split of no known name", body: suite({ "test/x": ids(1), "test/target": ids(1) }), says: "in no split" },
  { name: "an ONNX file", body: tableModel("m", { train: 1, validation: 1, "ood:shift": 1 }), says: /safetensors/i },
  { name: "JSON", body: Uint8Array.from(Buffer.from('{"train": [1, 2, 3]}')), says: /\w/ },
  { name: "nothing", body: new Uint8Array(), says: /\w/ },
  { name: "half a file", body: suite({}).slice(0, -20), says: /\w/ },
];

test.each(bad)("a suite that is or has $name is refused, and says where", async ({ body, says }) => {
  expectRefusal(await team.call("PUT", "/suites/bad", { body }), { status: 422, code: "invalid_suite", says });
});

test.each<Refusal & { path: string }>([
  { path: "/suites/-x", status: 400, code: "invalid_request", says: "name" },
  { path: "/suites/a%2Fb", status: 400, code: "invalid_request", says: "name" },
  { path: `/suites/${"x".repeat(129)}`, status: 400, code: "invalid_request", says: "name" },
  { path: "/suites/%00", status: 400, code: "invalid_request" },
])("PUT $path is refused with $status $code", async ({ path, ...refusal }) => {
  expectRefusal(await team.call("PUT", path, { body: suite({}) }), refusal);
});

test.each<Refusal & { name: string; headers: Record<string, string> }>([
  {
    name: "a digest that is none",
    headers: { "content-digest": "sha-256=:AA==:" },
    status: 400,
    code: "invalid_request",
  },
  {
    name: "the digest of other bytes",
    headers: { "content-digest": `sha-256=:${Buffer.alloc(32, 1).toString("base64")}:` },
    status: 400,
    code: "digest_mismatch",
    says: "Content-Digest",
  },
  {
    name: "a piece",
    headers: { "content-range": "bytes 0-9/20" },
    status: 400,
    code: "invalid_request",
    says: "whole",
  },
  { name: "another condition", headers: { "if-match": '"x"' }, status: 400, code: "invalid_request", says: "If-None" },
  { name: "a tag", headers: { "if-none-match": '"x"' }, status: 400, code: "invalid_request", says: "If-None-Match" },
])("a suite that is sent with $name is refused", async ({ headers, ...refusal }) => {
  expectRefusal(await team.call("PUT", "/suites/asked", { body: suite({}), headers }), refusal);
});

test("If-None-Match: * makes a suite once, and of several at the same time one", async () => {
  const other = await newTeam();
  const headers = { "if-none-match": "*" };
  const bodies = [1, 2, 3].map((n) => suite({ "train/x": ids(n, 2, 3) }));
  const answers = await Promise.all(bodies.map((body) => other.call("PUT", "/suites/s", { body, headers })));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 412, 412]);
  const there = await other.call("PUT", "/suites/s", { body: suite({}), headers });
  expectRefusal(there, { status: 412, code: "precondition_failed", says: '"s"' });
  expect((await other.call<{ versions: unknown[] }>("GET", "/suites/s/versions")).body.versions).toHaveLength(1);
  expect(await sweptObjects(other)).toHaveLength(1);
});

test("a suite of undeclared or too great a length is refused", async () => {
  const path = "/suites/long";
  const headers = { "transfer-encoding": "chunked" };
  const missing = await sendRaw(team, { method: "PUT", path, headers, body: chunked(suite({})) });
  if (!missing) throw new Error("no answer");
  expectRefusal(missing, { status: 411, code: "length_required" });
  await expectTooLong(team, { method: "PUT", path }, 60_000_000);
});

test("a suite that breaks off is not there", async () => {
  const body = tableSuite();
  const headers = { "content-length": `${body.byteLength}` };
  await sendRaw(team, { method: "PUT", path: "/suites/cut", headers, body: body.subarray(0, 4000), hangUp: true });
  expect((await team.call("GET", "/suites/cut")).status).toBe(404);
});

test("one suite put at the same time is one version and one object", async () => {
  const other = await newTeam();
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => other.call<{ version: string }>("PUT", "/suites/s", { body: suite({}) })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 201]);
  expect(new Set(answers.map(({ body }) => body.version)).size).toBe(1);
  expect(await sweptObjects(other)).toHaveLength(1);
});

afterAll(async () => {
  expect(await team.db.select().from(suiteVersions).where(eq(suiteVersions.teamId, team.id))).toEqual([]);
  expect(await team.db.select().from(suites).where(eq(suites.teamId, team.id))).toEqual([]);
  expect(await sweptObjects(team)).toEqual([]);
});

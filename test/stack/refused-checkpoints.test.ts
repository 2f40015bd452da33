import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { artifacts, checkpoints } from "../../src/database/schema.ts";
import { GraphBuilder } from "../../trainer/src/onnx/graph.ts";
import { FLOAT, floats, INT64, initializer, model, node, text, value } from "../tensors/onnx-builder.ts";
import { chunked, expectTooLong, sendRaw } from "./bodies.ts";
import { endless } from "./hostile-models.ts";
import { expireUploads, sweptObjects, uploadsOf } from "./objects.ts";
import { expectRefusal, type Refusal } from "./refused.ts";
import { newTeam, type Team, until } from "./service.ts";
import { tableModel } from "./table-model.ts";
import { newTableModel, settledVerdict } from "./trajectories.ts";

let team: Team;
let id: string;
beforeAll(async () => {
  team = await newTeam();
  ({ id } = await newTableModel(team));
});

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text));
const good = () => tableModel("good", { train: 1, validation: 1, "ood:shift": 1 });
const put = (body: Uint8Array<ArrayBuffer>, headers = {}, path = `/models/${id}/checkpoints/1`) =>
  team.call("PUT", path, { body, headers });

/** A table model of two rows, with the one thing wrong. */
function wrong({
  input = "row",
  dtype = INT64,
  shape = ["N"] as (number | string)[],
  output = "logits",
  inputs = 1,
}): Uint8Array<ArrayBuffer> {
  const names = Array.from({ length: inputs }, (_, n) => (n === 0 ? input : `${input}${n}`));
  return Uint8Array.from(
    model([
      node("Gather", ["table", input], [output]),
      text(2, "wrong"),
      initializer("table", FLOAT, [2, 2], floats(1, 2, 3, 4)),
      ...names.map((name) => value(11, name, dtype, shape)),
      value(12, output, FLOAT, ["N", 2]),
    ]),
  );
}

const random = Uint8Array.from({ length: 4096 }, (_, n) => (n * 7919 + (n >> 3)) % 251);
const notOnnx: (Refusal & { name: string; body: Uint8Array<ArrayBuffer> })[] = [
  { name: "bytes of no format", body: random, status: 422, code: "invalid_checkpoint" },
  { name: "JSON", body: bytesOf('{"weights": [1, 2, 3]}'), status: 422, code: "invalid_checkpoint", says: /JSON/ },
  {
    name: "a zip archive",
    body: bytesOf("PK\x03\x04archive/data.pkl"),
    status: 422,
    code: "invalid_checkpoint",
    says: "torch.save",
  },
  {
    name: "a pickle",
    body: Uint8Array.of(0x80, 2, 0x7d, 0x71, 0, 0x2e),
    status: 422,
    code: "invalid_checkpoint",
    says: "torch.save",
  },
  { name: "HTML", body: bytesOf("<!doctype html><html></html>"), status: 422, code: "invalid_checkpoint" },
  { name: "nothing", body: new Uint8Array(), status: 422, code: "invalid_checkpoint", says: "empty" },
  { name: "half of a model", body: good().slice(0, 9000), status: 422, code: "invalid_checkpoint" },
  { name: "a loop", body: endless("endless"), status: 422, code: "invalid_checkpoint", says: "without end" },
];
const mismatches: { name: string; body: Uint8Array<ArrayBuffer>; says: string }[] = [
  { name: "another input name", body: wrong({ input: "x" }), says: 'wants an input "x"; the suite gives "row"' },
  { name: "an input too many", body: wrong({ inputs: 2 }), says: 'wants an input "row1"' },
  { name: "another type", body: wrong({ dtype: FLOAT }), says: '"row" is float32; the suite gives int64' },
  { name: "another shape", body: wrong({ shape: ["N", 3] }), says: "the suite gives [n" },
  { name: "a fixed batch axis", body: wrong({ shape: [32] }), says: "fixed at 32: export it as a dynamic axis" },
  { name: "another output", body: wrong({ output: "y" }), says: 'reads the output "logits"; the model has "y"' },
  { name: "no input", body: noInput(), says: '"row" that the model does not have' },
];

function noInput(): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder("constant");
  graph.output(graph.relu("logits", graph.weight("w", Float32Array.of(1, 2), [1, 2])));
  return graph.finish();
}

test.each(notOnnx)("$name is refused with $status $code", async ({ body, ...refusal }) => {
  expectRefusal(await put(body), refusal);
});

test.each(mismatches)("a model with $name does not fit the suite, and is told how", async ({ body, says }) => {
  const answer = await put(body);
  expectRefusal(answer, { status: 422, code: "input_mismatch" });
  expect(answer.body["detail"]).toContain(says);
});

test.each<Refusal & { name: string; header: string }>([
  { name: "of other bytes", header: `sha-256=:${btoa("x".repeat(32))}:`, status: 400, code: "digest_mismatch" },
  { name: "cut short", header: `sha-256=:${btoa("x".repeat(16))}:`, status: 400, code: "invalid_request" },
  { name: "in hex", header: `sha-256=${"0".repeat(64)}`, status: 400, code: "invalid_request", says: "Content-Digest" },
])("a digest $name is refused", async ({ header, ...refusal }) => {
  expectRefusal(await put(good(), { "content-digest": header }), refusal);
});

test.each<Refusal & { path: string }>([
  { path: "/models/nobody/checkpoints/1", status: 404, code: "model_not_found", says: "POST /models" },
  { path: "/models/mdl_01kaqxw3t2e8y9v0c1m7d5r4bn/checkpoints/1", status: 404, code: "model_not_found" },
  { path: "/models/%00/checkpoints/1", status: 400, code: "invalid_request" },
  { path: "/models/ID/checkpoints/-1", status: 400, code: "invalid_request", says: "step" },
  { path: "/models/ID/checkpoints/1.5", status: 400, code: "invalid_request", says: "step" },
  { path: "/models/ID/checkpoints/one", status: 400, code: "invalid_request", says: "step" },
  { path: "/models/ID/checkpoints/9999999999999999", status: 400, code: "invalid_request", says: "step" },
])("PUT $path is refused with $status $code", async ({ path, ...refusal }) => {
  expectRefusal(await put(good(), {}, path.replace("ID", id)), refusal);
});

test("a body of undeclared or too great a length is refused before it is read", async () => {
  const path = `/models/${id}/checkpoints/1`;
  const without = { method: "PUT", path, headers: { "transfer-encoding": "chunked" }, body: chunked(good()) };
  const missing = await sendRaw(team, without);
  if (!missing) throw new Error("no answer");
  expectRefusal(missing, { status: 411, code: "length_required", says: "Content-Length" });
  await expectTooLong(team, { method: "PUT", path }, 200_000_000, "200000000");
});

test("whoever is refused at the door opens no upload: another's key, one that only reads, no such model, a step that is there", async () => {
  const other = await newTeam();
  const mine = await newTableModel(other);
  const path = `/models/${mine.id}/checkpoints/1`;
  const body = good();
  expect((await other.call("PUT", path, { body })).status).toBe(202);
  const before = await uploadsOf(other);
  const statuses = [
    await team.call("PUT", path, { body }),
    await other.call("PUT", path, { body, key: await other.keyWith("read") }),
    await other.call("PUT", path, { body, key: `${other.key}x` }),
    await other.call("PUT", "/models/nobody/checkpoints/1", { body }),
    await other.call("PUT", path, { body, headers: { "if-none-match": "*" } }),
  ].map(({ status }) => status);
  expect(statuses).toEqual([404, 403, 401, 404, 412]);
  expect(await uploadsOf(other)).toEqual(before);
});

test.each([
  { header: "content-range", value: "bytes 0-14539/20000", says: "Content-Range" },
  { header: "if-match", value: "*", says: "If-None-Match" },
  { header: "if-none-match", value: '"sha256:0"', says: "If-None-Match" },
  { header: "if-unmodified-since", value: "Wed, 25 Nov 2026 19:00:00 GMT", says: "If-None-Match" },
])("$header is not passed over: a PUT that asks what it does not know is refused", async ({ header, value, says }) => {
  const answer = await put(good(), { [header]: value });
  expectRefusal(answer, { status: 400, code: "invalid_request", says });
});

test.each([
  { name: "held in memory", length: 100_000 },
  { name: "streamed through", length: 20_000_000 },
])("a body that is $name and ends early is refused as that, and leaves nothing half-stored", async ({ length }) => {
  const path = `/models/${id}/checkpoints/77`;
  const short = { method: "PUT", path, headers: { "content-length": `${length}` }, body: good().subarray(0, 8000) };
  const answer = await sendRaw(team, { ...short, end: true });
  if (!answer) throw new Error("no answer");
  expectRefusal(answer, { status: 400, code: "body_truncated", says: `of ${length} bytes: nothing was stored` });
  await sendRaw(team, { ...short, hangUp: true });
  await until("the ends of both uploads", async () => {
    const statuses = (await uploadsOf(team)).filter(({ step, bytes }) => step === 77 && bytes === length);
    return statuses.length === 2 && statuses.every(({ status }) => status === "discarded");
  });
  expect((await team.call("GET", path)).status).toBe(404);
});

test("after all of it nothing of the refused is left, and the next checkpoint is taken", async () => {
  const rows = await team.db.select().from(checkpoints).where(eq(checkpoints.teamId, team.id));
  expect(rows).toEqual([]);
  expect(await team.db.select().from(artifacts).where(eq(artifacts.teamId, team.id))).toEqual([]);
  expect((await put(good())).status).toBe(202);
  expect(await settledVerdict(team, id)).toMatchObject({ checkpoints: 1 });
});

afterAll(async () => {
  // Those whose sender hung up are known to be dead only after an hour.
  await expireUploads(team);
  const objects = await sweptObjects(team);
  // The suite and the one good checkpoint.
  expect(objects).toHaveLength(2);
  await until("no row of theirs", async () => (await uploadsOf(team)).length === 2);
});

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { eq } from "drizzle-orm";
import { afterAll, expect, test } from "vitest";
import { uploads } from "../../src/database/schema.ts";
import { createMeter } from "../../src/tensors/meter.ts";
import { writeSafetensors } from "../../trainer/src/safetensors.ts";
import { expireUploads, objectsOf, sweptObjects, uploadsOf } from "./objects.ts";
import { paddedModel } from "./padded-model.ts";
import { complete, digestOf, ended, newUploader, putAll, putPart, small, storeOf, type Upload } from "./presigned.ts";
import { expectRefusal } from "./refused.ts";
import { type Team, until } from "./service.ts";
import { settledVerdict, trajectoryOf } from "./trajectories.ts";

const folder = mkdtempSync(join(tmpdir(), "curie-point-uploads-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Weights of 36 MB: three parts. */
function weights(seed: number): Uint8Array<ArrayBuffer> {
  const values = (length: number) => Float32Array.from({ length }, (_, n) => Math.fround(Math.sin(n * seed)));
  const tensor = (length: number) => ({ shape: [length], values: values(length) });
  return writeSafetensors(
    new Map([
      ["a", tensor(6_000_000)],
      ["b", tensor(3_000_000)],
    ]),
    {},
  );
}

test("a large file goes to the store in parts, with plain curl, and is a checkpoint once it was read back", async () => {
  const { team, id, begin } = await newUploader();
  const body = weights(1);
  const begun = await begin(body);
  expect(begun).toMatchObject({ status: 201, body: { status: "receiving", partBytes: 16 * 1024 * 1024 } });
  const { parts } = begun.body;
  expect(parts.map(({ bytes }) => bytes)).toEqual([16_777_216, 16_777_216, body.byteLength - 2 * 16_777_216]);
  const curl = promisify(execFile);
  await Promise.all(
    [2, 0].map(async (n) => {
      const { offset = 0, bytes = 0, url } = parts[n] ?? {};
      const file = join(folder, `part-${n}`);
      writeFileSync(file, body.subarray(offset, offset + bytes));
      await curl("curl", ["--fail", "--silent", "--show-error", "--upload-file", file, `${url}`]);
    }),
  );
  const half = (await team.call<Upload>("GET", `/uploads/${begun.body.id}`)).body;
  expect(half.parts.map(({ stored, url }) => [stored, url === null])).toEqual([
    [true, true],
    [false, false],
    [true, true],
  ]);
  const early = await complete(team, begun.body);
  expectRefusal(early, { status: 409, code: "upload_incomplete", says: "1 of 3" });
  expect(early.body).toMatchObject({ missing: [2] });
  expect((await team.call("GET", `/models/${id}/checkpoints/1`)).status).toBe(404);

  expect(await putAll(body, half)).toEqual([200]);
  expect((await complete(team, half)).status).toBe(202);
  const upload = await ended(team, half);
  expect(upload).toMatchObject({ status: "complete", problem: null, verifiedBytes: body.byteLength });
  expect(upload.checkpoint?.digest).toBe(digestOf(body));
  expect(await complete(team, half)).toMatchObject({ status: 200, body: { status: "complete" } });

  const meter = createMeter("safetensors");
  meter.write(body);
  const { weightNorm, parameters } = meter.end();
  const { body: checkpoint } = await team.call("GET", `/models/${id}/checkpoints/1`);
  expect(checkpoint).toMatchObject({
    id: upload.checkpoint?.id,
    bytes: body.byteLength,
    format: "safetensors",
    parameters,
  });
  expect(Number(checkpoint["weightNorm"]) / weightNorm).toBeCloseTo(1, 12);
  expect(await trajectoryOf(team, id)).toMatchObject([{ step: 1, failure: { code: "no_graph" } }]);
  const bytes = await fetch(`${team.service.url}/models/${id}/checkpoints/1/artifact`, {
    headers: { authorization: `Bearer ${team.key}` },
  });
  expect(digestOf(new Uint8Array(await bytes.arrayBuffer()))).toBe(digestOf(body));
  expect(await sweptObjects(team)).toHaveLength(2);
});

test("an ONNX file that came in parts is evaluated; one that the edge cannot hold is measured, and says so", async () => {
  const { team, id, begin } = await newUploader();
  for (const [step, body] of [small("in parts"), paddedModel("too large", 17_000_000)].entries()) {
    const { body: begun } = await begin(body, step);
    expect(new Set(await putAll(body, begun))).toEqual(new Set([200]));
    await complete(team, begun);
    expect(await ended(team, begun)).toMatchObject({ status: "complete" });
  }
  expect(await settledVerdict(team, id)).toMatchObject({ asOfStep: 0, checkpoints: 1 });
  expect((await trajectoryOf(team, id))[1]).toMatchObject({
    step: 1,
    // The limit, and the way out.
    failure: { code: "model_too_large", message: expect.stringMatching(/16777216.*PUT .*\/evaluation/) },
  });
});

test("whoever died in the middle begins as before and finds what is in; the same bytes twice are one object", async () => {
  const { team, begin } = await newUploader();
  const body = weights(2);
  const first = (await begin(body)).body;
  const [part] = first.parts;
  if (part) await putPart(body, part);
  const again = await begin(body);
  expect(again).toMatchObject({ status: 200, body: { id: first.id } });
  expect(again.body.parts.map(({ stored }) => stored)).toEqual([true, false, false]);
  await putAll(body, again.body);
  const completions = await Promise.all(Array.from({ length: 4 }, () => complete(team, first)));
  expect(completions.every(({ status }) => status === 200 || status === 202)).toBe(true);
  expect((await ended(team, first)).status).toBe("complete");
  expectRefusal(await begin(body), { status: 409, code: "step_taken", says: "these very bytes" });

  const other = (await begin(body, 2)).body;
  await putAll(body, other);
  await complete(team, other);
  expect(await ended(team, other)).toMatchObject({ status: "complete", checkpoint: { digest: digestOf(body) } });
  expect(await sweptObjects(team)).toHaveLength(2);
});

test.each([
  {
    name: "other bytes than announced",
    announced: weights(3),
    sent: weights(4),
    code: "digest_mismatch",
    says: "another file",
  },
  { name: "no checkpoint at all", sent: new Uint8Array(70_000).fill(7), code: "invalid_checkpoint", says: /./ },
  {
    name: "a model that the suite cannot feed",
    sent: small("wrong").slice(),
    code: "input_mismatch",
    says: "export",
    other: true,
  },
])("a file of $name is refused after it was read back, and nothing is left of it", async (given) => {
  const { team, id, begin } = await newUploader();
  // The same table model under a suite of another input name cannot be fed.
  const body = given.other ? renamed(given.sent) : given.sent;
  const { body: begun } = await begin(given.announced ?? body);
  await putAll(body, begun);
  await complete(team, begun);
  const upload = await ended(team, begun);
  expect(upload).toMatchObject({ status: "refused", checkpoint: null, problem: { code: given.code } });
  expect(upload.problem?.detail).toMatch(given.says);
  expect((await team.call("GET", `/models/${id}/checkpoints/1`)).status).toBe(404);
  // Of the suite alone.
  expect(await sweptObjects(team)).toHaveLength(1);
  expect((await team.call("DELETE", `/uploads/${begun.id}`)).status).toBe(204);
  expectRefusal(await team.call("GET", `/uploads/${begun.id}`), { status: 404, code: "upload_not_found" });
  // The step is free for the right file.
  expect((await team.call("PUT", `/models/${id}/checkpoints/1`, { body: small("right") })).status).toBe(202);
});

/** A model whose input has another name of the same length. */
function renamed(body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const copy = Buffer.from(body);
  for (let at = copy.indexOf("\x03row"); at >= 0; at = copy.indexOf("\x03row", at + 1))
    copy.write("\x03col", at, "latin1");
  return Uint8Array.from(copy);
}

test("an address takes the bytes it was made for and no others", async () => {
  const { begin } = await newUploader();
  const body = small("signed");
  const [part] = (await begin(body)).body.parts;
  if (!part) throw new Error("there is no part");
  for (const bytes of [body.byteLength - 1, body.byteLength + 1]) {
    const wrong = Uint8Array.from(Buffer.alloc(bytes, body));
    const response = await fetch(part.url ?? "", { method: "PUT", body: wrong });
    expect(response.status).toBe(403);
  }
  const elsewhere = part.url?.replace("partNumber=1", "partNumber=2") ?? "";
  expect((await fetch(elsewhere, { method: "PUT", body })).status).toBe(403);
  expect(await putPart(body, part)).toBe(200);
});

test("what is too large is refused with the reason, and what is taken with what is there", async () => {
  const { team, id, begin } = await newUploader();
  const at = `/models/${id}/checkpoints/1/uploads`;
  const digest = digestOf(new Uint8Array());
  const huge = await team.call("POST", at, { body: { bytes: 32_000_000_001, digest } });
  expectRefusal(huge, { status: 413, code: "body_too_large", says: "read back" });
  const largest = await team.call<Upload>("POST", at, { body: { bytes: 32_000_000_000, digest } });
  expect(largest.status).toBe(201);
  expect(largest.body.parts.length).toBeLessThanOrEqual(1000);
  expect(largest.body.parts.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(32_000_000_000);
  expectRefusal(await team.call("POST", at, { body: { bytes: 5 } }), {
    status: 400,
    code: "invalid_request",
    says: "digest",
  });
  await team.call("PUT", `/models/${id}/checkpoints/1`, { body: small("there") });
  expectRefusal(await begin(small("other")), { status: 409, code: "step_taken", says: "DELETE" });
});

test("an upload that is given up, or that nobody asks for any more, goes with its parts", async () => {
  const { team, begin } = await newUploader();
  for (const end of ["deleted", "expired"]) {
    const body = small(end);
    const { body: begun } = await begin(body);
    const [part] = begun.parts;
    if (!part) throw new Error("there is no part");
    expect(await putPart(body, part)).toBe(200);
    const row = (await uploadsOf(team)).find(({ id }) => id === begun.id);
    if (end === "deleted") expect((await team.call("DELETE", `/uploads/${begun.id}`)).status).toBe(204);
    else await expireUploads(team);
    await until(
      "its parts to be gone",
      async () => (await storeOf(team).listParts(`${row?.objectKey}`, `${row?.multipartId}`)) === null,
    );
    for (const [method, path] of [
      ["GET", ""],
      ["POST", "/complete"],
      ["DELETE", ""],
    ] as const) {
      const answer = await team.call(method, `/uploads/${begun.id}${path}`);
      expectRefusal(answer, { status: 404, code: "upload_not_found", says: "Begin again" });
    }
    expect(await putPart(body, part)).toBe(404);
  }
  // Of the suite alone.
  expect(await objectsOf(team)).toHaveLength(1);
});

test("an upload to a step that is gone back from does not come after", async () => {
  const { team, id, begin } = await newUploader();
  const body = small("late");
  const { body: kept } = await begin(body, 10);
  const { body: begun } = await begin(body, 20);
  await putAll(body, begun);
  expect((await team.call("DELETE", `/models/${id}/checkpoints?from=15`)).status).toBe(200);
  expectRefusal(await complete(team, begun), { status: 404, code: "upload_not_found", says: "Begin again" });
  expect((await team.call("GET", `/models/${id}/checkpoints/20`)).status).toBe(404);
  expect(await team.call("GET", `/uploads/${kept.id}`)).toMatchObject({ status: 200, body: { status: "receiving" } });
});

/** As a completion does that dies right after. */
async function joinAtStore(team: Team, { id }: Upload): Promise<void> {
  const row = (await uploadsOf(team)).find((upload) => upload.id === id);
  const [key, multipartId] = [`${row?.objectKey}`, `${row?.multipartId}`];
  const store = storeOf(team);
  await store.joinParts(key, multipartId, (await store.listParts(key, multipartId)) ?? [], row?.bytes ?? 0);
}

test("a completion that died after the store had joined the parts is taken up again", async () => {
  const { team, begin } = await newUploader();
  const body = small("joined");
  const { body: begun } = await begin(body);
  await putAll(body, begun);
  await joinAtStore(team, begun);
  expect((await complete(team, begun)).status).toBe(202);
  expect(await ended(team, begun)).toMatchObject({ status: "complete" });
  const late = await team.call("DELETE", `/uploads/${begun.id}`);
  expectRefusal(late, { status: 409, code: "upload_ended", says: "DELETE /models" });
});

test.each([
  { name: "whose message was lost is read back by the sweep's", attempts: 0, status: "complete", problem: null },
  {
    name: "whose reader died every time is refused",
    attempts: 5,
    status: "refused",
    problem: { code: "verification_failed", detail: expect.stringContaining("again") },
  },
])("an upload $name", async ({ attempts, status, problem }) => {
  const { team, begin } = await newUploader();
  const body = small("forgotten");
  const { body: begun } = await begin(body);
  await putAll(body, begun);
  await joinAtStore(team, begun);
  await team.db
    .update(uploads)
    .set({ status: "verifying", attempts, hintedAt: new Date(0), leaseUntil: new Date(0) })
    .where(eq(uploads.id, begun.id));
  expect(await ended(team, begun)).toMatchObject({ status, problem });
});

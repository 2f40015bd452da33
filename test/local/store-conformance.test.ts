import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { PutObjectCommand, S3Client, UploadPartCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningStorage, startStorage } from "../../local/s3.ts";
import { presign, presignPart } from "../../src/artifacts/presign.ts";
import { type ArtifactStore, createArtifactStore } from "../../src/artifacts/store.ts";

// What Curie Point relies on of an object store, and no more. Run against the embedded one, and against the one that
// TEST_S3_URL names (http(s)://KEY:SECRET@host/bucket?region=REGION); docs/stores.md has the settings.
const STORES: { name: string; url: string | undefined }[] = [{ name: "the embedded store", url: undefined }];
const real = process.env["TEST_S3_URL"];
if (real) STORES.push({ name: `the store at ${new URL(real).host}`, url: real });

const MIB = 1024 * 1024;
const PART = 5 * MIB;

describe.each(STORES)("$name", ({ url }) => {
  const folder = mkdtempSync(join(tmpdir(), "curie-point-conformance-"));
  const prefix = `conformance/${randomBytes(6).toString("hex")}`;
  const used = new Set<string>();
  let running: RunningStorage;
  let store: ArtifactStore;

  beforeAll(async () => {
    running = await startStorage(folder, url, () => {});
    store = createArtifactStore(running.storage);
  });
  afterAll(async () => {
    for (const key of used) await store.delete(key);
    await running.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const fresh = (name: string): string => {
    const key = `${prefix}/artifacts/${name}-${randomBytes(4).toString("hex")}`;
    used.add(key);
    return key;
  };
  const bytes = (length: number) => Uint8Array.from(randomBytes(length));
  const read = async (key: string) => Buffer.from((await store.get(key)) ?? []);
  const address = (key: string) => `${running.storage.endpoint}/${running.storage.bucket}/${key}`;

  test("an object comes back as it went, whole, in ranges and as a stream", async () => {
    const [key, body] = [fresh("whole"), bytes(300_000)];
    await store.put(key, body);
    expect(await store.size(key)).toBe(body.length);
    expect((await read(key)).equals(body)).toBe(true);
    for (const range of [
      { from: 0, to: 1 },
      { from: 1000, to: 2000 },
      { from: 299_999, to: 300_000 },
    ]) {
      const want = Buffer.from(body.subarray(range.from, range.to));
      expect(Buffer.from((await store.get(key, range)) ?? []).equals(want)).toBe(true);
      const stream = await store.open(key, range);
      expect(Buffer.from(await new Response(stream).arrayBuffer()).equals(want)).toBe(true);
    }
  });

  test("what is not there is missing, and can be deleted all the same", async () => {
    const key = fresh("missing");
    expect(await store.size(key)).toBeNull();
    expect(await store.get(key)).toBeNull();
    expect(await store.open(key, { from: 0, to: 1 })).toBeNull();
    await store.delete(key);
    await store.put(key, bytes(10));
    await store.delete(key);
    expect(await store.size(key)).toBeNull();
  });

  test("objects come and go beside each other at the same time", async () => {
    const keys = Array.from({ length: 12 }, (_, n) => fresh(`beside-${n}`));
    await Promise.all(keys.map((key) => store.put(key, bytes(5000))));
    const [gone, kept] = [keys.filter((_, n) => n % 2 === 0), keys.filter((_, n) => n % 2 === 1)];
    const more = Array.from({ length: 6 }, (_, n) => fresh(`more-${n}`));
    await Promise.all([...gone.map((key) => store.delete(key)), ...more.map((key) => store.put(key, bytes(5000)))]);
    for (const key of gone) expect(await store.size(key)).toBeNull();
    for (const key of [...kept, ...more]) expect(await store.size(key)).toBe(5000);
  });

  test("a body that is not the signed one is refused, of an object and of a part", async () => {
    const key = fresh("altered");
    const { region, endpoint, bucket: Bucket, accessKeyId, secretAccessKey } = running.storage;
    const client = new S3Client({
      region,
      endpoint,
      credentials: { accessKeyId, secretAccessKey },
      forcePathStyle: true,
      maxAttempts: 1,
      requestChecksumCalculation: "WHEN_REQUIRED",
    });
    client.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { body?: Uint8Array };
        if (request.body) request.body = Uint8Array.from(request.body, (byte) => byte ^ 1);
        return next(args);
      },
      { step: "finalizeRequest", priority: "low" },
    );
    const Body = bytes(1000);
    await expect(client.send(new PutObjectCommand({ Bucket, Key: key, Body }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 400 },
    });
    expect(await store.size(key)).toBeNull();
    const UploadId = await store.beginParts(key);
    const part = new UploadPartCommand({ Bucket, Key: key, UploadId, PartNumber: 1, Body });
    await expect(client.send(part)).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
    expect(await store.listParts(key, UploadId)).toEqual([]);
    await store.abandonParts(key, UploadId);
    client.destroy();
  });

  test("a body that ends early makes no object, and leaves none of an upload's parts", async () => {
    const key = fresh("short");
    const multipartId = await store.beginParts(key);
    const at = { now: new Date(), seconds: 60 };
    const part = await presignPart(running.storage, { key, multipartId, number: 1, bytes: 100_000 }, at);
    const whole = new URL(address(key));
    const headers = { host: whole.host, "content-length": "100000" };
    const object = await presign(running.storage, { method: "PUT", url: whole, query: {}, headers }, at);
    for (const signed of [part, object]) await hangUp(new URL(signed), 100_000, 60_000);
    await expect.poll(() => store.listParts(key, multipartId), { timeout: 10_000 }).toEqual([]);
    expect(await store.size(key)).toBeNull();
    await store.abandonParts(key, multipartId);
  });

  test("parts in any order make an object, which appears when they are joined and not before", async () => {
    const key = fresh("parts");
    const bodies = [bytes(PART), bytes(PART), bytes(1000)];
    const id = await store.beginParts(key);
    for (const n of [2, 0, 1]) await store.putPart(key, id, n + 1, bodies[n] ?? bytes(1));
    // Once more, as a retry does.
    await store.putPart(key, id, 3, bodies[2] ?? bytes(1));
    expect(await store.size(key)).toBeNull();
    const parts = (await store.listParts(key, id)) ?? [];
    expect(parts.map((part) => [part.number, part.bytes])).toEqual([
      [1, PART],
      [2, PART],
      [3, 1000],
    ]);
    const total = 2 * PART + 1000;
    await store.joinParts(key, id, parts, total);
    expect(await store.size(key)).toBe(total);
    expect(sha256(await read(key))).toBe(sha256(Buffer.concat(bodies)));
    // A retry whose first answer was lost.
    await store.joinParts(key, id, parts, total);
    expect(await store.size(key)).toBe(total);
    expect(await store.listParts(key, id)).toBeNull();
  });

  test("an upload that several join at once is one object; whoever lists it meanwhile sees all of its parts, or none", async () => {
    const key = fresh("joined-at-once");
    const bodies = Array.from({ length: 4 }, () => bytes(PART));
    const id = await store.beginParts(key);
    const parts = await Promise.all(bodies.map((body, n) => store.putPart(key, id, n + 1, body)));
    let joined = false;
    const joins = Promise.all([1, 2, 3].map(() => store.joinParts(key, id, parts, 4 * PART))).then(() => {
      joined = true;
    });
    const seen: (number | undefined)[] = [];
    while (!joined) seen.push((await store.listParts(key, id))?.length);
    await joins;
    expect(new Set([...seen, 4, undefined])).toEqual(new Set([4, undefined]));
    expect(sha256(await read(key))).toBe(sha256(Buffer.concat(bodies)));
  });

  test("parts that are not the ones that were sent make no object", async () => {
    const key = fresh("unjoined");
    const id = await store.beginParts(key);
    const sent = [await store.putPart(key, id, 1, bytes(PART)), await store.putPart(key, id, 2, bytes(10))];
    const other = { number: 2, etag: `"${"0".repeat(32)}"` };
    await expect(store.joinParts(key, id, [...sent.slice(0, 1), other], PART + 10)).rejects.toThrow();
    await expect(store.joinParts(key, id, [...sent, { ...other, number: 3 }], PART + 10)).rejects.toThrow();
    expect(await store.size(key)).toBeNull();
    await store.abandonParts(key, id);
  });

  test("parts that are abandoned are gone, however often they are abandoned", async () => {
    const key = fresh("abandoned");
    const id = await store.beginParts(key);
    const part = await store.putPart(key, id, 1, bytes(10));
    await store.abandonParts(key, id);
    await store.abandonParts(key, id);
    expect(await store.listParts(key, id)).toBeNull();
    await expect(store.putPart(key, id, 2, bytes(10))).rejects.toThrow();
    await expect(store.joinParts(key, id, [part], 10)).rejects.toThrow();
    expect(await store.size(key)).toBeNull();
  });

  test("a presigned address takes its part from anybody, and nothing else", async () => {
    const key = fresh("presigned");
    const multipartId = await store.beginParts(key);
    const part = { key, multipartId, number: 1, bytes: 5000 };
    const signed = await store.presignPart(part, 60);
    const put = async (at: string, length: number) => (await fetch(at, { method: "PUT", body: bytes(length) })).status;
    expect(await put(signed, 4999)).toBe(403);
    expect(await put(signed, 5001)).toBe(403);
    expect(await put(signed.replace("partNumber=1", "partNumber=2"), 5000)).toBe(403);
    expect(
      await put(
        signed.replace(/.$/, (last) => (last === "0" ? "1" : "0")),
        5000,
      ),
    ).toBe(403);
    const past = { now: new Date(Date.now() - 120_000), seconds: 60 };
    expect(await put(await presignPart(running.storage, part, past), 5000)).toBe(403);
    expect(await store.listParts(key, multipartId)).toEqual([]);
    expect(await put(signed, 5000)).toBe(200);
    expect(await store.listParts(key, multipartId)).toMatchObject([{ number: 1, bytes: 5000 }]);
    await store.abandonParts(key, multipartId);
  });

  test("nobody reads, writes or deletes without a signature", async () => {
    const key = fresh("private");
    await store.put(key, bytes(10));
    for (const method of ["GET", "PUT", "DELETE"]) {
      const body = method === "PUT" ? { body: bytes(10) } : {};
      const { status } = await fetch(address(key), { method, ...body });
      expect([401, 403], method).toContain(status);
    }
    expect(await store.size(key)).toBe(10);
  });
});

const sha256 = (body: Uint8Array) => createHash("sha256").update(body).digest("hex");

/** Announces so many bytes, sends fewer, and hangs up. */
async function hangUp(url: URL, announced: number, sent: number): Promise<void> {
  const tls = url.protocol === "https:";
  const port = Number(url.port || (tls ? 443 : 80));
  const socket = tls ? connectTls(port, url.hostname, { servername: url.hostname }) : connect(port, url.hostname);
  socket.on("error", () => {});
  const path = url.pathname + url.search;
  socket.write(`PUT ${path} HTTP/1.1\r\nhost: ${url.host}\r\ncontent-length: ${announced}\r\n\r\n`);
  await new Promise<void>((resolve) => {
    socket.write(Buffer.alloc(sent), () => resolve());
  });
  socket.destroy();
}

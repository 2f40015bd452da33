import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunningStorage, startStorage } from "../../local/s3.ts";
import { createArtifactStore } from "../../src/artifacts/store.ts";

let folder: string;
let running: RunningStorage;
let client: S3Client;
const spooled = () => readdirSync(join(folder, "spool"));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "curie-point-s3-"));
  running = await startStorage(folder, undefined, () => {});
  client = clientWith(running.storage.secretAccessKey);
});
afterAll(async () => {
  client.destroy();
  await running.close();
  rmSync(folder, { recursive: true, force: true });
});

function clientWith(secretAccessKey: string): S3Client {
  const { endpoint, region, accessKeyId } = running.storage;
  return new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    maxAttempts: 1,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
}

const where = (Key: string) => ({ Bucket: running.storage.bucket, Key });
const put = (key: string, body: Buffer, more: Partial<PutObjectCommandInput> = {}) =>
  client.send(new PutObjectCommand({ ...where(key), Body: body, ...more }));
async function get(key: string): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand(where(key)));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}
const status = (code: number) => expect.objectContaining({ httpStatusCode: code });

/** Sends a signed request by hand, so that its body can be cut short. */
async function presign(key: string, headers: Record<string, string>, length: number): Promise<string> {
  const command = new PutObjectCommand({ ...where(key), Body: Buffer.alloc(length) });
  let head = "";
  command.middlewareStack.add(
    () => async (args) => {
      const request = args.request as { method: string; path: string; headers: Record<string, string> };
      const lines = Object.entries({ ...request.headers, ...headers }).map(([name, value]) => `${name}: ${value}`);
      head = `${request.method} ${request.path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
      throw new Error("signed");
    },
    { step: "finalizeRequest", priority: "low" },
  );
  await client.send(command).catch(() => {});
  return head;
}

test.each([
  ["in memory", 1_000_000],
  ["in a file", 20_000_000],
])("a body kept %s comes back as it went", async (_, length) => {
  const body = Buffer.alloc(length, "checkpoint ");
  await put("models/one", body);
  expect((await get("models/one")).equals(body)).toBe(true);
  expect(spooled()).toEqual([]);
});

test.each([
  ["in memory", 1_000_000],
  ["in a file", 20_000_000],
])("a PUT cut short %s leaves the earlier object, and makes none", async (_, length) => {
  const body = Buffer.alloc(1000, "good");
  await put("models/kept", body);
  for (const key of ["models/kept", "models/never"]) {
    const socket = connect(Number(new URL(running.storage.endpoint).port), "127.0.0.1");
    socket.on("error", () => {});
    socket.write(await presign(key, {}, length));
    socket.write(Buffer.alloc(Math.floor(length * 0.6)), () => setTimeout(() => socket.destroy(), 50));
    await new Promise((resolve) => socket.once("close", resolve));
  }
  await pause(100);
  expect((await get("models/kept")).equals(body)).toBe(true);
  await expect(client.send(new HeadObjectCommand(where("models/never")))).rejects.toMatchObject({
    $metadata: status(404),
  });
  await expect.poll(spooled, { timeout: 30_000 }).toEqual([]);
});

const digest = (algorithm: string, body: Buffer) => createHash(algorithm).update(body).digest("base64");
const wrong = Buffer.from("wrong");
test.each<[string, Partial<PutObjectCommandInput>]>([
  ["Content-MD5", { ContentMD5: digest("md5", wrong) }],
  ["SHA-256", { ChecksumSHA256: digest("sha256", wrong) }],
  ["SHA-1", { ChecksumSHA1: digest("sha1", wrong) }],
  ["CRC32", { ChecksumCRC32: "AAAAAA==" }],
])("a wrong %s is refused and leaves the earlier object", async (_, claim) => {
  const body = Buffer.from("right");
  await put("models/checked", body);
  await expect(put("models/checked", Buffer.from("other"), claim)).rejects.toMatchObject({
    name: "BadDigest",
    $metadata: status(400),
  });
  expect(await get("models/checked")).toEqual(body);
});

test("right checksums are accepted", async () => {
  const body = Buffer.from("123456789");
  await put("models/sums", body, { ContentMD5: digest("md5", body), ChecksumSHA256: digest("sha256", body) });
  // The check value in CRC-32's definition.
  await put("models/sums", body, { ChecksumCRC32: Buffer.from("cbf43926", "hex").toString("base64") });
});

test("a body other than the signed one is refused", async () => {
  const socket = connect(Number(new URL(running.storage.endpoint).port), "127.0.0.1");
  socket.write(await presign("models/forged", {}, 5));
  socket.write("other");
  const answer = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
  expect(answer.toString()).toMatch(/^HTTP\/1.1 400 .*XAmzContentSHA256Mismatch/s);
  socket.destroy();
});

test("a creation finds the key taken, also by one that is under way", async () => {
  const create = (body: string) => put("models/created", Buffer.from(body), { IfNoneMatch: "*" });
  const outcomes = await Promise.allSettled([create("one"), create("two"), create("three")]);
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  await expect(create("late")).rejects.toMatchObject({ name: "PreconditionFailed", $metadata: status(412) });
});

test("only signed requests, by the right secret", async () => {
  const { endpoint, bucket } = running.storage;
  await put("models/secret", Buffer.from("secret"));
  expect((await fetch(`${endpoint}/${bucket}/models/secret`)).status).toBe(403);
  const stranger = clientWith("wrong");
  await expect(stranger.send(new GetObjectCommand(where("models/secret")))).rejects.toMatchObject({
    name: "SignatureDoesNotMatch",
  });
  stranger.destroy();
});

test("a multipart upload is completed, and another aborted", async () => {
  const start = async () => (await client.send(new CreateMultipartUploadCommand(where("models/parts")))).UploadId;
  const parts = [Buffer.alloc(5 * 1024 * 1024, 1), Buffer.alloc(1000, 2)];
  const sendPart = (UploadId: string | undefined, n: number) =>
    client.send(new UploadPartCommand({ ...where("models/parts"), UploadId, PartNumber: n + 1, Body: parts[n] }));
  const completed = await start();
  const sent = [await sendPart(completed, 0), await sendPart(completed, 1)];
  await client.send(
    new CompleteMultipartUploadCommand({
      ...where("models/parts"),
      UploadId: completed,
      MultipartUpload: { Parts: sent.map(({ ETag }, n) => ({ ETag, PartNumber: n + 1 })) },
    }),
  );
  expect((await get("models/parts")).equals(Buffer.concat(parts))).toBe(true);

  const aborted = await start();
  await sendPart(aborted, 0);
  await client.send(new AbortMultipartUploadCommand({ ...where("models/parts"), UploadId: aborted }));
  const uploads = join(folder, "objects", running.storage.bucket, "._S3rver_uploads");
  expect(readdirSync(uploads)).toEqual([]);
});

test("a refusal reaches whoever sends a large part: s3rver hangs up before it has read the body", async () => {
  const store = createArtifactStore(running.storage);
  const [key, bytes] = ["models/refused", 16 * 1024 * 1024];
  const multipartId = await store.beginParts(key);
  const address = await store.presignPart({ key, multipartId, number: 1, bytes }, 60);
  const elsewhere = address.replace("partNumber=1", "partNumber=2");
  const answer = await fetch(elsewhere, { method: "PUT", body: new Uint8Array(bytes) });
  expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining("SignatureDoesNotMatch")]);
  await store.abandonParts(key, multipartId);
});

test("a copy, which has no body", async () => {
  await put("models/original", Buffer.from("original"));
  await client.send(
    new CopyObjectCommand({ ...where("models/copy"), CopySource: `${running.storage.bucket}/models/original` }),
  );
  expect((await get("models/copy")).toString()).toBe("original");
});

test("objects and credentials outlive a restart; the credentials are their owner's alone", async () => {
  await put("models/survivor", Buffer.from("still here"));
  const { storage } = running;
  await running.close();
  running = await startStorage(folder, undefined, () => {});
  expect(running.storage.secretAccessKey).toBe(storage.secretAccessKey);
  client = clientWith(storage.secretAccessKey);
  expect((await get("models/survivor")).toString()).toBe("still here");
  expect(statSync(join(folder, "s3-credentials")).mode & 0o777).toBe(0o600);
});

test("another store is used as its URL says, or refused in one line", async () => {
  const { endpoint, bucket, accessKeyId, secretAccessKey } = running.storage;
  const url = (secret: string, name: string) => `${endpoint.replace("//", `//${accessKeyId}:${secret}@`)}/${name}`;
  const other = await startStorage(folder, url(secretAccessKey, bucket), () => {});
  expect(other.storage).toEqual(running.storage);
  await expect(startStorage(folder, url("wrong", bucket), () => {})).rejects.toThrow(
    /cannot be used: SignatureDoesNotMatch/,
  );
  await expect(startStorage(folder, url(secretAccessKey, "missing"), () => {})).rejects.toThrow(/NoSuchBucket/);
  await expect(startStorage(folder, "http://K:S@127.0.0.1:1/b", () => {})).rejects.toThrow(
    /cannot be used: .*ECONNREF/,
  );
  await expect(startStorage(folder, "nonsense", () => {})).rejects.toThrow(/^--s3 wants a URL like/);
});

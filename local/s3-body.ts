import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream, type WriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { randomSecret } from "./secrets.ts";

/** A whole body, received and kept aside. */
export interface Body {
  length: number;
  /** Why the store must refuse it, if it must. */
  refusal: { code: "BadDigest" | "IncompleteBody" | "XAmzContentSHA256Mismatch"; message: string } | undefined;
  open(): Readable;
  discard(): Promise<void>;
}

/** Bodies up to this are kept in memory, larger ones in a file. */
const MEMORY_BYTES = 8 * 1024 * 1024;

/** Throws when the client breaks off: nothing of the body has been shown to anybody then. */
export async function receiveBody(source: Readable, headers: IncomingHttpHeaders, spool: string): Promise<Body> {
  const checks = digestChecks(headers);
  const memory: Buffer[] = [];
  let length = 0;
  let file: { path: string; stream: WriteStream } | undefined;
  const discard = async () => {
    if (file === undefined) return;
    file.stream.destroy();
    await rm(file.path, { force: true });
  };
  try {
    for await (const chunk of source) {
      length += chunk.length;
      for (const check of checks) check.update(chunk);
      if (file === undefined && length > MEMORY_BYTES) {
        const path = join(spool, randomSecret(12));
        file = { path, stream: createWriteStream(path, { mode: 0o600 }) };
        // A full disk is reported by finished() below.
        file.stream.on("error", () => {});
        file.stream.write(Buffer.concat(memory.splice(0)));
      }
      if (file === undefined) memory.push(chunk);
      else if (!file.stream.write(chunk)) await once(file.stream, "drain");
    }
    if (file !== undefined) {
      file.stream.end();
      await finished(file.stream);
    }
  } catch (error) {
    await discard();
    throw error;
  }
  const path = file?.path;
  return {
    length,
    refusal: judge(length, headers, checks),
    open: () => (path === undefined ? Readable.from([Buffer.concat(memory)]) : createReadStream(path)),
    discard,
  };
}

interface DigestCheck {
  header: string;
  update(chunk: Buffer): void;
  agrees(): boolean;
}

function digestChecks(headers: IncomingHttpHeaders): DigestCheck[] {
  const checks: DigestCheck[] = [];
  const add = (header: string, encoding: "base64" | "hex", make: () => Digest) => {
    const claimed = headers[header];
    if (typeof claimed !== "string") return;
    const digest = make();
    const update = (chunk: Buffer) => void digest.update(chunk);
    checks.push({ header, update, agrees: () => digest.digest().toString(encoding) === claimed });
  };
  const payload = headers["x-amz-content-sha256"];
  // A body in signed chunks is not the object: its digests are those of what the chunks carry.
  if (typeof payload === "string" && payload.startsWith("STREAMING-")) return checks;
  add("content-md5", "base64", () => createHash("md5"));
  add("x-amz-checksum-sha256", "base64", () => createHash("sha256"));
  add("x-amz-checksum-sha1", "base64", () => createHash("sha1"));
  add("x-amz-checksum-crc32", "base64", () => new Crc32());
  if (payload !== "UNSIGNED-PAYLOAD") add("x-amz-content-sha256", "hex", () => createHash("sha256"));
  return checks;
}

type Digest = { update(chunk: Buffer): void; digest(): Buffer } | Hash;

class Crc32 {
  #value = 0;
  update(chunk: Buffer): void {
    this.#value = crc32(chunk, this.#value);
  }
  digest(): Buffer {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(this.#value);
    return bytes;
  }
}

function judge(length: number, headers: IncomingHttpHeaders, checks: DigestCheck[]): Body["refusal"] {
  if (length !== Number(headers["content-length"])) {
    return { code: "IncompleteBody", message: "You did not provide the number of bytes specified by Content-Length" };
  }
  const wrong = checks.find((check) => !check.agrees());
  if (wrong === undefined) return undefined;
  if (wrong.header === "x-amz-content-sha256") {
    return { code: "XAmzContentSHA256Mismatch", message: "The body does not match the provided x-amz-content-sha256" };
  }
  return { code: "BadDigest", message: `The ${wrong.header} you specified did not match what was received` };
}

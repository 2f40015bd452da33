import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import S3Error from "@20minutes/s3rver/lib/models/error.js";
import FilesystemStore from "@20minutes/s3rver/lib/stores/filesystem.js";
import { codeOf } from "./errors.ts";
import { randomSecret } from "./secrets.ts";

/** Every part but the last has this at least: S3's limit. */
const SMALLEST_PART = 5 * 1024 * 1024;

const COPY_BYTES = 1024 * 1024;

export interface PartOnDisk {
  number: number;
  bytes: number;
  /** MD5, hex. */
  etag: string;
  modified: Date;
}

/** A part as Complete names it: the ETag without quotes. */
interface PartNamed {
  number: number;
  etag: string;
}

/**
 * s3rver's files, with what S3 promises and s3rver does not keep: an object appears whole or not at all, a part goes
 * to an upload that exists, joining refuses parts that are not the ones sent, and a deletion takes nothing else.
 */
export class CarefulStore extends FilesystemStore {
  readonly #joins = new Map<string, Promise<unknown>>();

  /** s3rver writes into place, where a reader meets half of it. */
  override async putContent(path: string, content: Buffer | Readable): Promise<[bytes: number, md5: string]> {
    const scratch = `${path}.${randomSecret(6)}`;
    const md5 = createHash("md5");
    let bytes = 0;
    const source = content instanceof Readable ? content : Readable.from([content]);
    const counted = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        bytes += chunk.length;
        md5.update(chunk);
        yield chunk;
      }
    };
    try {
      await pipeline(source, counted, createWriteStream(scratch));
      await rename(scratch, path);
    } catch (error) {
      await rm(scratch, { force: true });
      throw error;
    }
    return [bytes, md5.digest("hex")];
  }

  /** s3rver takes the last byte 0 for none, and gives the whole object for its first byte; and it reads by 64 KiB. */
  override async getObject(bucket: string, key: string, range?: { start?: number; end?: number }) {
    const onlyFirst = range?.end === 0;
    const object = await super.getObject(bucket, key, onlyFirst ? { start: 0, end: 1 } : range);
    if (!object?.content) return object;
    if (onlyFirst) object.range = { start: 0, end: 0 };
    object.content.destroy();
    const path = this.getResourcePath(bucket, key, "object");
    object.content = createReadStream(path, { ...object.range, highWaterMark: COPY_BYTES });
    return object;
  }

  /** s3rver also removes the folder it finds empty, and with it what another request is just putting there. */
  override async deleteObject(bucket: string, key: string): Promise<void> {
    for (const resource of ["object", "object.md5", "metadata.json"]) {
      await unlink(this.getResourcePath(bucket, key, resource)).catch((error: unknown) => {
        if (codeOf(error) !== "ENOENT") throw error;
      });
    }
  }

  override async putPart(bucket: string, uploadId: string, number: string, content: Buffer | Readable) {
    await this.#keyOf(bucket, uploadId);
    return await super.putPart(bucket, uploadId, number, content);
  }

  /** One after the other: whoever comes second finds the upload gone, and the object there. */
  override async putObjectMultipart(bucket: string, uploadId: string, parts: PartNamed[]) {
    const before = this.#joins.get(uploadId);
    const joining = (before ?? Promise.resolve())
      .catch(() => {})
      .then(() => this.#joinChecked(bucket, uploadId, parts));
    this.#joins.set(uploadId, joining);
    try {
      return await joining;
    } finally {
      if (this.#joins.get(uploadId) === joining) this.#joins.delete(uploadId);
    }
  }

  async #joinChecked(bucket: string, uploadId: string, parts: PartNamed[]) {
    const key = await this.#keyOf(bucket, uploadId);
    const stored = new Map((await this.#partsOnDisk(bucket, uploadId))?.map((part) => [part.number, part]));
    for (const [n, { number, etag }] of parts.entries()) {
      const part = stored.get(number);
      const before = parts[n - 1];
      if (before && before.number >= number) throw new S3Error("InvalidPartOrder", "The parts are not in order.");
      if (part?.etag !== etag) throw new S3Error("InvalidPart", `Part ${number} is not there, or is another.`);
      if (part.bytes < SMALLEST_PART && n < parts.length - 1) {
        throw new S3Error("EntityTooSmall", `Part ${number} is smaller than the minimum allowed size.`);
      }
    }
    return await this.#join(bucket, key, uploadId, parts);
  }

  /** s3rver hashes the whole anew. S3's ETag of such an object is the MD5 of the parts' MD5s, and their number. */
  async #join(bucket: string, key: string, uploadId: string, parts: readonly PartNamed[]) {
    const folder = this.uploadFolder(bucket, uploadId);
    const [first, ...rest] = parts.map(({ number }) => join(folder, `${number}`));
    if (first === undefined) throw new S3Error("MalformedXML", "An upload is made of parts.");
    const path = this.getResourcePath(bucket, key, "object");
    await mkdir(dirname(path), { recursive: true });
    // The first part's file becomes the object's. Where this dies in the middle, that part is missing.
    const whole = join(folder, "joined");
    await rename(first, whole);
    for (const part of rest) {
      await pipeline(
        createReadStream(part, { highWaterMark: COPY_BYTES }),
        createWriteStream(whole, { flags: "a", highWaterMark: COPY_BYTES }),
      );
    }
    const { size } = await stat(whole);
    const md5 = createHash("md5");
    for (const { etag } of parts) md5.update(etag, "hex");
    const etag = `${md5.digest("hex")}-${parts.length}`;
    const metadata = JSON.parse(await readFile(join(folder, "metadata"), "utf8")) as Record<string, string>;
    await this.putMetadata(bucket, key, metadata, etag);
    await rename(whole, path);
    await rm(folder, { recursive: true });
    return { size, md5: etag };
  }

  /** The parts of an unfinished upload by number, or null where there is no such upload. */
  async listParts(bucket: string, uploadId: string): Promise<PartOnDisk[] | null> {
    // Joining uses the parts up: whoever asks in the middle of it waits for its end.
    await this.#joins.get(uploadId)?.catch(() => {});
    return await this.#partsOnDisk(bucket, uploadId);
  }

  async #partsOnDisk(bucket: string, uploadId: string): Promise<PartOnDisk[] | null> {
    const folder = this.uploadFolder(bucket, uploadId);
    try {
      const numbers = (await readdir(folder)).filter((name) => /^\d+$/.test(name)).map(Number);
      const parts = numbers.map(async (number) => {
        const path = join(folder, `${number}`);
        const { size: bytes, mtime: modified } = await stat(path);
        return { number, bytes, etag: await readFile(`${path}.md5`, "utf8"), modified };
      });
      return (await Promise.all(parts)).sort((a, b) => a.number - b.number);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return null;
      throw error;
    }
  }

  /** Whether there was an upload to abort. */
  async abortUpload(bucket: string, uploadId: string): Promise<boolean> {
    try {
      await rm(this.uploadFolder(bucket, uploadId), { recursive: true });
      return true;
    } catch (error) {
      if (codeOf(error) === "ENOENT") return false;
      throw error;
    }
  }

  uploadFolder(bucket: string, uploadId: string): string {
    // It becomes part of a path that is removed.
    if (!/^[\w-]+$/.test(uploadId)) throw new S3Error("NoSuchUpload", "The specified multipart upload does not exist.");
    return join(this.getResourcePath(bucket, undefined, "uploads"), uploadId);
  }

  async #keyOf(bucket: string, uploadId: string): Promise<string> {
    try {
      return await readFile(join(this.uploadFolder(bucket, uploadId), "key"), "utf8");
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
      throw new S3Error("NoSuchUpload", "The specified multipart upload does not exist.");
    }
  }
}

import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { readdir, readFile, rename, rm, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import S3Error from "@20minutes/s3rver/lib/models/error.js";
import FilesystemStore from "@20minutes/s3rver/lib/stores/filesystem.js";
import { codeOf } from "./errors.ts";
import { randomSecret } from "./secrets.ts";

/** Every part but the last has this at least: S3's limit. */
const SMALLEST_PART = 5 * 1024 * 1024;

export interface PartOnDisk {
  number: number;
  bytes: number;
  /** MD5, hex. */
  etag: string;
  modified: Date;
}

/**
 * s3rver's files, with what S3 promises and s3rver does not keep: an object appears whole or not at all, a part goes
 * to an upload that exists, joining refuses parts that are not the ones sent, and a deletion takes nothing else.
 */
export class CarefulStore extends FilesystemStore {
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

  /** s3rver takes the last byte 0 for none, and gives the whole object for its first byte. */
  override async getObject(bucket: string, key: string, range?: { start?: number; end?: number }) {
    if (range?.end !== 0) return await super.getObject(bucket, key, range);
    const object = await super.getObject(bucket, key, { start: 0, end: 1 });
    if (!object?.content) return object;
    const { content } = object;
    object.content = Readable.from(firstByte(content));
    object.range = { start: 0, end: 0 };
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

  override async putObjectMultipart(bucket: string, uploadId: string, parts: { number: number; etag: string }[]) {
    await this.#keyOf(bucket, uploadId);
    const stored = new Map((await this.listParts(bucket, uploadId))?.map((part) => [part.number, part]));
    for (const [n, { number, etag }] of parts.entries()) {
      const part = stored.get(number);
      const before = parts[n - 1];
      if (before && before.number >= number) throw new S3Error("InvalidPartOrder", "The parts are not in order.");
      if (part?.etag !== etag) throw new S3Error("InvalidPart", `Part ${number} is not there, or is another.`);
      if (part.bytes < SMALLEST_PART && n < parts.length - 1) {
        throw new S3Error("EntityTooSmall", `Part ${number} is smaller than the minimum allowed size.`);
      }
    }
    return await super.putObjectMultipart(bucket, uploadId, parts);
  }

  /** The parts of an unfinished upload by number, or null where there is no such upload. */
  async listParts(bucket: string, uploadId: string): Promise<PartOnDisk[] | null> {
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

async function* firstByte(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of content) {
    yield chunk.subarray(0, 1);
    return;
  }
}

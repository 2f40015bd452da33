import { createHash, randomBytes } from "node:crypto";

export const MEGABYTE = 1_000_000;
/** Of one tensor at most: weights of a large network come in many. */
const TENSOR_MEGABYTES = 16;

/** A safetensors file of float32 weights that is nowhere whole. */
export interface SizedFile {
  bytes: number;
  /** `sha256:` and hex. */
  digest: string;
  /** Its bytes from one up to another. */
  slice(from: number, to: number): Uint8Array<ArrayBuffer>;
}

/** So many MB of weights, other ones at each call: one random MB again and again, since only the size costs. */
export function sizedFile(megabytes: number): SizedFile {
  const block = new Uint8Array(Float32Array.from(randomBytes(MEGABYTE / 4), (byte) => (byte - 127.5) / 1000).buffer);
  const head = headOf(megabytes);
  const bytes = head.length + megabytes * MEGABYTE;
  const hash = createHash("sha256").update(head);
  for (let n = 0; n < megabytes; n += 1) hash.update(block);
  return {
    bytes,
    digest: `sha256:${hash.digest("hex")}`,
    slice(from, to) {
      const into = new Uint8Array(Math.min(to, bytes) - from);
      if (from < head.length) into.set(head.subarray(from, to));
      for (let at = Math.max(from, head.length); at < from + into.length; ) {
        const inBlock = (at - head.length) % MEGABYTE;
        const piece = block.subarray(inBlock, inBlock + from + into.length - at);
        into.set(piece, at - from);
        at += piece.length;
      }
      return into;
    },
  };
}

function headOf(megabytes: number): Uint8Array {
  const header: Record<string, unknown> = {};
  for (let at = 0; at < megabytes; at += TENSOR_MEGABYTES) {
    const end = Math.min(megabytes, at + TENSOR_MEGABYTES);
    const shape = [((end - at) * MEGABYTE) / 4];
    header[`layer.${at}.weight`] = { dtype: "F32", shape, data_offsets: [at * MEGABYTE, end * MEGABYTE] };
  }
  const json = Buffer.from(JSON.stringify(header));
  // Aligned as the reference writer aligns.
  const length = Math.ceil(json.length / 8) * 8;
  const head = Buffer.alloc(8 + length, " ");
  head.writeBigUInt64LE(BigInt(length));
  json.copy(head, 8);
  return new Uint8Array(head);
}

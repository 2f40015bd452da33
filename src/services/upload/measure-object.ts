import { createHash } from "node:crypto";
import { Sha256 } from "../../artifacts/sha256.ts";
import type { Context } from "../../context.ts";
import type { Verification } from "../../database/schema.ts";
import { dtypeFacts } from "../../tensors/dtypes.ts";
import { createMeter, type MeterLimits, sniffFormat, type TensorStatistics } from "../../tensors/meter.ts";
import { joinPieces, totalOf } from "../../tensors/pieces.ts";
import {
  checkSafetensorsSize,
  parseSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
  safetensorsHeaderBytes,
} from "../../tensors/safetensors.ts";
import type { ReceivedArtifact } from "../checkpoint/receive.ts";
import { formatDigest } from "../digest.ts";
import { readBack, readPiece } from "./read-back.ts";

const SNIFF_BYTES = 16;

export interface StoredObject {
  objectKey: string;
  bytes: number;
}

/** Where reading goes on: `save` is called on the way, and answers whether there is time for more. */
export interface Progress {
  from: Verification | null;
  /** `save` is called after about so much. */
  stretchBytes: number;
  save(state: Verification): Promise<boolean>;
}

/**
 * Reads a stored file back, hashed and measured. Null where `save` ended it: it goes on from what was saved. Only
 * safetensors is put down on the way, also in the middle of a tensor: an ONNX file has at most 2 GiB, and is read in one
 * go.
 * @throws TensorFormatError where the file is unfit; StoreUnavailable
 */
export async function measureObject(
  ctx: Context,
  object: StoredObject,
  progress: Progress,
  limits: Partial<MeterLimits> = {},
): Promise<ReceivedArtifact | null> {
  const head = await readPiece(ctx, object.objectKey, 0, Math.min(SNIFF_BYTES, object.bytes));
  // A file that is neither is given to the ONNX reader, whose refusal says what the file looks like.
  return sniffFormat(head) === "safetensors"
    ? await measureSafetensors(ctx, object, progress)
    : await measureWhole(ctx, object, limits);
}

async function measureWhole(
  ctx: Context,
  { objectKey, bytes }: StoredObject,
  limits: Partial<MeterLimits>,
): Promise<ReceivedArtifact> {
  // Nothing is put down here, so the platform's own can do it, which is several times as fast.
  const hash = createHash("sha256");
  const meter = createMeter("onnx", limits);
  for await (const chunk of readBack(ctx, objectKey, 0, bytes)) {
    hash.update(chunk);
    meter.write(chunk);
  }
  return { digest: `sha256:${hash.digest("hex")}`, measurement: meter.end() };
}

async function measureSafetensors(
  ctx: Context,
  { objectKey, bytes }: StoredObject,
  { from: saved, stretchBytes, save }: Progress,
): Promise<ReceivedArtifact | null> {
  // What an earlier version of the service wrote down had another form: then it is begun anew.
  const from = saved?.tensors ? saved : null;
  const headBytes = safetensorsHeaderBytes(await readPiece(ctx, objectKey, 0, Math.min(8, bytes)));
  const head = await readPiece(ctx, objectKey, 0, Math.min(headBytes, bytes));
  const header = parseSafetensorsHeader(head);
  const { dataOffset, fileBytes } = header;
  checkSafetensorsSize(fileBytes, bytes);
  const types = JSON.parse(new TextDecoder().decode(head.subarray(8))) as Record<string, { dtype: string }>;

  const hash = new Sha256(from?.hash);
  if (!from) hash.update(head);
  const tensors = [...(from?.tensors ?? [])];
  let offset = from?.offset ?? dataOffset;
  do {
    const { end, pieces } = nextStretch(header, offset, stretchBytes);
    const meter = createMeter("safetensors");
    meter.write(headerOf(pieces, types, offset));
    for await (const chunk of readBack(ctx, objectKey, offset, end)) {
      hash.update(chunk);
      meter.write(chunk);
    }
    enter(tensors, pieces, meter.end().tensors);
    offset = end;
    if (offset < fileBytes && !(await save({ offset, hash: hash.state(), tensors }))) return null;
  } while (offset < fileBytes);
  const measurement = { format: "safetensors" as const, ...totalOf(tensors), tensors, graph: null };
  return { digest: formatDigest(hash.digest()), measurement };
}

/** What a stretch has of a tensor, in bytes of the file: from one on, up to another. */
interface Piece {
  tensor: SafetensorsEntry;
  from: number;
  to: number;
}

/**
 * About so many bytes from `offset` on, up to the end of an element. Tensors without elements go with what ends where
 * they are, and at the data's beginning with the first.
 */
function nextStretch({ tensors, dataOffset, fileBytes }: SafetensorsHeader, offset: number, most: number) {
  let end = Math.min(offset + most, fileBytes);
  const cut = tensors.find((tensor) => tensor.offset < end && end < endOf(tensor));
  if (cut) {
    const element = dtypeFacts(cut.dtype).bytes;
    end = cut.offset + Math.ceil((end - cut.offset) / element) * element;
  }
  const pieces = tensors
    .filter((tensor) =>
      tensor.byteLength > 0
        ? tensor.offset < end && endOf(tensor) > offset
        : tensor.offset <= end && (tensor.offset > offset || offset === dataOffset),
    )
    .map((tensor): Piece => ({ tensor, from: Math.max(offset, tensor.offset), to: Math.min(end, endOf(tensor)) }));
  return { end, pieces };
}

const endOf = ({ offset, byteLength }: SafetensorsEntry): number => offset + byteLength;
const isWhole = ({ tensor, from, to }: Piece): boolean => from === tensor.offset && to === endOf(tensor);

/** A stretch is a safetensors file of its own, once it has a header. */
function headerOf(pieces: readonly Piece[], types: Record<string, { dtype: string }>, start: number): Uint8Array {
  const entries = pieces.map((piece) => {
    const { tensor, from, to } = piece;
    const shape = isWhole(piece) ? tensor.shape : [(to - from) / dtypeFacts(tensor.dtype).bytes];
    const entry = { dtype: types[tensor.name]?.dtype, shape, data_offsets: [from - start, to - start] };
    return `${JSON.stringify(tensor.name)}:${JSON.stringify(entry)}`;
  });
  const json = new TextEncoder().encode(`{${entries.join(",")}}`);
  const header = new Uint8Array(8 + json.length);
  new DataView(header.buffer).setBigUint64(0, BigInt(json.length), true);
  header.set(json, 8);
  return header;
}

/** Adds what a stretch has found: of a tensor that an earlier one began, to what that has found. */
function enter(tensors: TensorStatistics[], pieces: readonly Piece[], found: readonly TensorStatistics[]): void {
  for (const [n, statistics] of found.entries()) {
    const piece = pieces[n];
    if (!piece) throw new Error(`the meter found a tensor "${statistics.name}" of its own`);
    const { tensor, from, to } = piece;
    const begun = from > tensor.offset ? tensors.pop() : undefined;
    const sofar = begun ? joinPieces(begun, statistics) : statistics;
    tensors.push(to === endOf(tensor) ? { ...sofar, shape: tensor.shape } : sofar);
  }
}

import { Sha256 } from "../../artifacts/sha256.ts";
import type { Context } from "../../context.ts";
import type { Verification } from "../../database/schema.ts";
import {
  createMeter,
  type LayerStatistics,
  type Measurement,
  type MeterLimits,
  sniffFormat,
} from "../../tensors/meter.ts";
import {
  checkSafetensorsSize,
  parseSafetensorsHeader,
  type SafetensorsEntry,
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
  /** Progress is written down after about so much. */
  stretchBytes: number;
  save(state: Verification): Promise<boolean>;
}

/**
 * Reads a stored file back, hashed and measured. Null where `save` ended it: it goes on from what was saved. Only
 * safetensors is put down on the way: an ONNX file has at most 2 GiB, and is read in one go.
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
  const hash = new Sha256();
  const meter = createMeter("onnx", limits);
  for await (const chunk of readBack(ctx, objectKey, 0, bytes)) {
    hash.update(chunk);
    meter.write(chunk);
  }
  return { digest: formatDigest(hash.digest()), measurement: meter.end() };
}

async function measureSafetensors(
  ctx: Context,
  { objectKey, bytes }: StoredObject,
  { from, stretchBytes, save }: Progress,
): Promise<ReceivedArtifact | null> {
  const headBytes = safetensorsHeaderBytes(await readPiece(ctx, objectKey, 0, Math.min(8, bytes)));
  const head = await readPiece(ctx, objectKey, 0, Math.min(headBytes, bytes));
  const { tensors, dataOffset, fileBytes } = parseSafetensorsHeader(head);
  checkSafetensorsSize(fileBytes, bytes);
  const types = JSON.parse(new TextDecoder().decode(head.subarray(8))) as Record<string, { dtype: string }>;

  const hash = new Sha256(from?.hash);
  if (!from) hash.update(head);
  let offset = from?.offset ?? dataOffset;
  let measurement = from?.measurement ?? null;
  do {
    const stretch = nextStretch(tensors, offset, stretchBytes);
    const end = stretch.reduce((last, tensor) => Math.max(last, tensor.offset + tensor.byteLength), offset);
    const meter = createMeter("safetensors");
    meter.write(headerOf(stretch, types, offset));
    for await (const chunk of readBack(ctx, objectKey, offset, end)) {
      hash.update(chunk);
      meter.write(chunk);
    }
    const measured = meter.end();
    measurement = measurement ? join(measurement, measured) : measured;
    offset = end;
    if (offset < fileBytes && !(await save({ offset, hash: hash.state(), measurement }))) return null;
  } while (offset < fileBytes);
  return { digest: formatDigest(hash.digest()), measurement };
}

/**
 * The next tensors, whole. Those without elements begin where another does: they go with the stretch before, and at
 * the file's beginning with the first.
 */
function nextStretch(tensors: readonly SafetensorsEntry[], offset: number, most: number): SafetensorsEntry[] {
  const first = tensors[0]?.offset === offset ? 0 : tensors.findIndex((t) => t.offset >= offset && t.byteLength > 0);
  const stretch: SafetensorsEntry[] = [];
  let bytes = 0;
  for (const tensor of first < 0 ? [] : tensors.slice(first)) {
    if (tensor.byteLength > 0 && bytes >= most) break;
    stretch.push(tensor);
    bytes += tensor.byteLength;
  }
  return stretch;
}

/** A stretch is a safetensors file of its own, once it has a header. */
function headerOf(
  stretch: readonly SafetensorsEntry[],
  types: Record<string, { dtype: string }>,
  start: number,
): Uint8Array {
  const entries = stretch.map(({ name, shape, offset, byteLength }) => {
    const data_offsets = [offset - start, offset - start + byteLength];
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype: types[name]?.dtype, shape, data_offsets })}`;
  });
  const json = new TextEncoder().encode(`{${entries.join(",")}}`);
  const header = new Uint8Array(8 + json.length);
  new DataView(header.buffer).setBigUint64(0, BigInt(json.length), true);
  header.set(json, 8);
  return header;
}

/** What two stretches of one file amount to. Norms are joined by their squares. */
function join(a: Measurement, b: Measurement): Measurement {
  const layers = new Map<string, LayerStatistics>(a.layers.map((layer) => [layer.name, layer]));
  for (const layer of b.layers) {
    const before = layers.get(layer.name);
    layers.set(
      layer.name,
      before ? { ...layer, ...sums(before, layer), norm: Math.hypot(before.norm, layer.norm) } : layer,
    );
  }
  return {
    ...a,
    ...sums(a, b),
    weightNorm: Math.hypot(a.weightNorm, b.weightNorm),
    tensors: [...a.tensors, ...b.tensors],
    layers: [...layers.values()],
  };
}

function sums(a: { parameters: number; nonFinite: number }, b: { parameters: number; nonFinite: number }) {
  return { parameters: a.parameters + b.parameters, nonFinite: a.nonFinite + b.nonFinite };
}

import type { Context } from "../../context.ts";
import type { SuiteTensor, suiteVersions } from "../../database/schema.ts";
import { isInputDtype } from "../../evaluation/dtypes.ts";
import type { FeedTensor, Slice } from "../../evaluation/engine.ts";

/** A suite up to this is read once and kept by the isolate; of a larger one each shard reads its own rows. */
const KEPT_BYTES = 4 * 1024 * 1024;
let kept: { objectKey: string; bytes: Uint8Array } | null = null;

/** The rows of one shard: `rows` of them from `firstRow`, for every input and the targets. */
export async function readSlice(
  ctx: Context,
  version: typeof suiteVersions.$inferSelect,
  shard: { split: string; firstRow: number; rows: number },
): Promise<Slice> {
  const of = (name: string) => readRows(ctx, version, tensorNamed(version, `${shard.split}/${name}`), shard);
  const masked = version.tensors.some(({ name }) => name === `${shard.split}/target_mask`);
  const [targets, mask, ...inputs] = await Promise.all([
    of("target"),
    masked ? of("target_mask") : null,
    ...version.inputs.map(({ name }) => of(name)),
  ]);
  return {
    targets,
    mask,
    inputs: Object.fromEntries(version.inputs.map(({ name }, n) => [name, inputs[n] as FeedTensor])),
  };
}

function tensorNamed(version: typeof suiteVersions.$inferSelect, name: string): SuiteTensor {
  const tensor = version.tensors.find((candidate) => candidate.name === name);
  if (!tensor) throw new Error(`suite version ${version.id} has no tensor ${name}`);
  return tensor;
}

async function readRows(
  ctx: Context,
  version: typeof suiteVersions.$inferSelect,
  { dtype, shape, offset, length }: SuiteTensor,
  { firstRow, rows }: { firstRow: number; rows: number },
): Promise<FeedTensor> {
  if (!isInputDtype(dtype)) throw new Error(`suite version ${version.id} has a tensor of type ${dtype}`);
  const rowBytes = length / (shape[0] ?? 1);
  const from = offset + firstRow * rowBytes;
  const to = from + rows * rowBytes;
  const bytes =
    version.bytes <= KEPT_BYTES
      ? (await keptSuite(ctx, version.objectKey)).subarray(from, to)
      : present(await ctx.artifacts.get(version.objectKey, { from, to }), version.objectKey);
  return { dtype, shape: [rows, ...shape.slice(1)], bytes };
}

/**
 * Objects are never overwritten, so bytes once read stay true for as long as the isolate lives. The bytes are kept
 * and not their promise: workerd binds a promise to the request that made it, and that request may die.
 */
async function keptSuite(ctx: Context, objectKey: string): Promise<Uint8Array> {
  if (kept?.objectKey === objectKey) return kept.bytes;
  const bytes = present(await ctx.artifacts.get(objectKey), objectKey);
  kept = { objectKey, bytes };
  return bytes;
}

function present(bytes: Uint8Array | null, objectKey: string): Uint8Array {
  if (!bytes) throw new Error(`the suite ${objectKey} is not in the store`);
  return bytes;
}

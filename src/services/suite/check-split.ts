import type { SuiteSplit } from "../../database/schema.ts";
import type { SuiteAuditor } from "../../evaluation/audit.ts";
import type { SplitAudit } from "../../evaluation/audit-types.ts";
import { decode, type InputDtype } from "../../evaluation/dtypes.ts";
import type { Scoring } from "../../evaluation/metrics.ts";
import type { RowTensor } from "../../evaluation/rows.ts";
import type { SafetensorsEntry } from "../../tensors/safetensors.ts";
import { readAsFloat32 } from "../../tensors/values.ts";
import type { PlannedSplit } from "./plan-suite.ts";
import { readTargets } from "./read-targets.ts";
import { suiteRefusal as refused } from "./refusal.ts";

/** Inputs that are looked at at once: about so many bytes. */
const BLOCK_BYTES = 4 * 1024 * 1024;

/** Bytes of the file from `from` up to `to`. */
export type ReadBytes = (from: number, to: number) => Uint8Array | Promise<Uint8Array>;

export interface CheckedSplit {
  split: SuiteSplit;
  audit: SplitAudit;
}

/**
 * Checks and audits the values of a split, block by block; targets are held whole.
 * @throws DomainError `invalid_suite`, naming tensor, position and row
 */
export async function checkSplit(
  scoring: Scoring,
  auditor: SuiteAuditor,
  { name, rows, target, mask, inputs }: PlannedSplit,
  read: ReadBytes,
): Promise<CheckedSplit> {
  const whole = async (entry: SafetensorsEntry) => ({
    ...entry,
    bytes: await read(entry.offset, entry.offset + entry.byteLength),
  });
  const own = await whole(target);
  const { total, chance, classes, dtype } = readTargets(scoring, own, mask && (await whole(mask)));
  const targetBytes = target.byteLength / rows;
  const rowBytes = inputs.reduce((sum, { byteLength }) => sum + byteLength / rows, 0);
  const audit = auditor.beginSplit({ name, rows, total, classes });
  const step = Math.max(1, Math.floor(BLOCK_BYTES / Math.max(1, rowBytes)));
  for (let first = 0; first < rows; first += step) {
    const count = Math.min(step, rows - first);
    const block = await Promise.all(
      inputs.map(async ({ input, dtype, shape, offset, byteLength }): Promise<RowTensor> => {
        const width = byteLength / rows;
        const bytes = await read(offset + first * width, offset + (first + count) * width);
        return { name: input, dtype, shape: [count, ...shape.slice(1)], bytes };
      }),
    );
    for (const tensor of block) checkFinite(`${name}/${tensor.name}`, tensor, first, count);
    audit.addRows({
      rows: count,
      inputs: block,
      target: {
        ...{ name: target.name, dtype, shape: [count, ...target.shape.slice(1)] },
        bytes: own.bytes.subarray(first * targetBytes, (first + count) * targetBytes),
      },
    });
  }
  return { split: { name, rows, total, chance, rowBytes }, audit: audit.end() };
}

function checkFinite(name: string, tensor: RowTensor, firstRow: number, rows: number): void {
  const values = floatsOf(tensor.dtype, tensor);
  if (!values) return;
  const width = values.length / rows;
  for (let n = 0; n < values.length; n += 1) {
    if (Number.isFinite(values[n])) continue;
    const position = firstRow * width + n;
    throw refused(`"${name}" has ${values[n]} at position ${position}, in row ${Math.floor(position / width)}.`);
  }
}

function floatsOf(dtype: InputDtype, tensor: RowTensor): ArrayLike<number> | null {
  if (dtype === "float16") return readAsFloat32({ ...tensor, dtype });
  const values = dtype === "float32" || dtype === "float64" ? decode(dtype, tensor.bytes) : null;
  return values instanceof BigInt64Array ? null : values;
}

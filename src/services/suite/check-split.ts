import type { SuiteSplit } from "../../database/schema.ts";
import type { SuiteAuditor } from "../../evaluation/audit.ts";
import type { SplitAudit } from "../../evaluation/audit-types.ts";
import { decode, type InputDtype } from "../../evaluation/dtypes.ts";
import type { Scoring } from "../../evaluation/metrics.ts";
import type { RowTensor } from "../../evaluation/rows.ts";
import type { SafetensorsEntry } from "../../tensors/safetensors.ts";
import { readAsFloat32 } from "../../tensors/values.ts";
import type { NearSearch } from "./near-search.ts";
import { type PlannedSplit, type ReadBytes, readRows, rowsOfBlock } from "./plan-suite.ts";
import { readTargets } from "./read-targets.ts";
import { suiteRefusal as refused } from "./refusal.ts";

/** Inputs that are looked at at once. */
const BLOCK_BYTES = 8 * 1024 * 1024;
const BLOCK_ROWS = 65_536;

/** What is known of the whole suite while its splits are looked at. */
export interface Audit {
  scoring: Scoring;
  auditor: SuiteAuditor;
  /** Null where rows are too short for the question. */
  search: NearSearch | null;
  read: ReadBytes;
}

export interface CheckedSplit {
  split: SuiteSplit;
  audit: SplitAudit;
}

/** How far near duplicates were looked for: in the first `rows` of the split, of which `found` are some. */
export interface NearProgress {
  rows: number;
  found: number;
}

export interface SplitProgress {
  from: NearProgress | null;
  /** Called on the way; answers whether there is time for more. */
  save(near: NearProgress): Promise<boolean>;
}

/**
 * Checks and audits the values of a split, block by block; targets are held whole. Null where `save` ended it: all but
 * the search for near duplicates, which takes by far the longest, is done anew by whoever goes on.
 * @throws DomainError `invalid_suite`, naming tensor, position and row
 */
export async function checkSplit(
  { scoring, auditor, search, read }: Audit,
  planned: PlannedSplit,
  { from, save }: SplitProgress,
): Promise<CheckedSplit | null> {
  const { name, rows, target, mask } = planned;
  const whole = async (entry: SafetensorsEntry) => ({
    ...entry,
    bytes: await read(entry.offset, entry.offset + entry.byteLength),
  });
  const own = await whole(target);
  const { total, chance, classes, dtype } = readTargets(scoring, own, mask && (await whole(mask)));
  const targetBytes = target.byteLength / rows;
  const audit = auditor.beginSplit({ name, rows, total, classes });
  const step = rowsOfBlock(planned, BLOCK_BYTES, BLOCK_ROWS);
  let found = from?.found ?? 0;
  for (let first = 0; first < rows; first += step) {
    const count = Math.min(step, rows - first);
    const block = await readRows(planned, first, count, read);
    for (const tensor of block) checkFinite(`${name}/${tensor.name}`, tensor, first, count);
    const inTrain = audit.addRows({
      rows: count,
      inputs: block,
      target: {
        ...{ name: target.name, dtype, shape: [count, ...target.shape.slice(1)] },
        bytes: own.bytes.subarray(first * targetBytes, (first + count) * targetBytes),
      },
    });
    if (!search || name === "train" || first < (from?.rows ?? 0)) continue;
    found += await search.count(block, inTrain);
    if (!(await save({ rows: first + count, found }))) return null;
  }
  return {
    split: { name, rows, total, chance },
    audit: audit.end(search ? found : null),
  };
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

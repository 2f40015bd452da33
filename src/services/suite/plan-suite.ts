import type { SuiteInput, SuiteTensor } from "../../database/schema.ts";
import { INPUT_DTYPES, type InputDtype, isInputDtype } from "../../evaluation/dtypes.ts";
import type { Scoring } from "../../evaluation/metrics.ts";
import type { RowTensor } from "../../evaluation/rows.ts";
import { TensorFormatError } from "../../tensors/errors.ts";
import { checkName } from "../../tensors/ledger.ts";
import { DEFAULT_LIMITS, type SafetensorsEntry, type SafetensorsHeader } from "../../tensors/safetensors.ts";
import { readScoring } from "./read-scoring.ts";
import { suiteRefusal as refused } from "./refusal.ts";

export interface PlannedInput extends SafetensorsEntry {
  dtype: InputDtype;
  /** As the model calls it. */
  input: string;
}

export interface PlannedSplit {
  name: string;
  rows: number;
  target: SafetensorsEntry;
  mask: SafetensorsEntry | null;
  /** By name. */
  inputs: PlannedInput[];
}

/** Bytes of the file from `from` up to `to`. */
export type ReadBytes = (from: number, to: number) => Uint8Array | Promise<Uint8Array>;

/** What a suite's header says, checked: all but the values. */
export interface SuitePlan {
  scoring: Scoring;
  output: string;
  inputs: SuiteInput[];
  /** Train, validation, then the OOD splits by name. */
  splits: PlannedSplit[];
  tensors: SuiteTensor[];
}

const MIB = 1024 * 1024;
/** However a suite is sent. Each split is a shard of every evaluation, and a line wherever the audit is shown. */
export const SUITE_LIMITS = { ...DEFAULT_LIMITS, headerBytes: MIB, tensors: 1024 };

const SPLIT_NAME = /^(train|validation|ood:[A-Za-z0-9_.-]{1,64})$/;
const TARGET = "target";
/** Not "mask", which is what models call an input of theirs. */
const MASK = "target_mask";

/** @throws DomainError `invalid_suite`, naming the tensor at fault */
export function planSuite({ metadata, tensors }: Pick<SafetensorsHeader, "metadata" | "tensors">): SuitePlan {
  const scoring = readScoring(metadata);
  const output = metadata["output"];
  if (!output) throw refused('__metadata__ lacks "output": the name of the model output that answers.');

  // Postgres keeps neither a NUL nor half a surrogate pair, and no model can have an output of such a name.
  refusing(() => checkName(output, "The output", SUITE_LIMITS));

  const bySplit = groupBySplit(tensors);
  if (!bySplit.has("train")) throw refused('There is no split "train": tensors are named "train/<model input>".');
  if (bySplit.size < 2)
    throw refused('There is no split beside "train": give "validation" and at least one "ood:<name>".');
  const splits = Array.from(bySplit, ([name, own]) => planSplit(name, own));
  checkTargets(splits);
  const [inputs = [], ...others] = splits.map(({ inputs }) => inputs.map(toInput));
  others.forEach((own, n) => {
    if (JSON.stringify(inputs) === JSON.stringify(own)) return;
    const { name } = splits[n + 1] ?? { name: "" };
    throw refused(
      `The split "${name}" has the inputs ${describe(own)}; the splits before it have ${describe(inputs)}.`,
    );
  });
  return {
    scoring,
    output,
    inputs,
    splits: splits.sort(bySplitOrder),
    tensors: tensors.map(({ name, dtype, shape, offset, byteLength }) => ({
      name,
      dtype,
      shape: [...shape],
      offset,
      length: byteLength,
    })),
  };
}

/** One model answers all splits, and the audit compares what they ask: it is of one type and shape. */
function checkTargets([first, ...others]: readonly PlannedSplit[]): void {
  const rowOf = ({ target: { dtype, shape } }: PlannedSplit) => `${dtype}${describeShape(shape.slice(1))}`;
  const other = others.find((split) => first && rowOf(split) !== rowOf(first));
  if (!first || !other) return;
  throw refused(
    `"${other.target.name}" is ${rowOf(other)}; "${first.target.name}" is ${rowOf(first)}: all splits ask the same of a row.`,
  );
}

/** What the readers of files say, said of a suite. */
export function refusing<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof TensorFormatError) throw refused(error.message);
    throw error;
  }
}

function groupBySplit(tensors: readonly SafetensorsEntry[]): Map<string, Map<string, SafetensorsEntry>> {
  const splits = new Map<string, Map<string, SafetensorsEntry>>();
  for (const tensor of tensors) {
    const { name } = tensor;
    const slash = name.indexOf("/");
    const split = name.slice(0, Math.max(0, slash));
    if (!SPLIT_NAME.test(split)) {
      throw refused(
        `The tensor "${name}" is in no split: name it "train/…", "validation/…" or "ood:<name>/…" (letters, digits, ".", "_" and "-").`,
      );
    }
    const group = splits.get(split) ?? new Map<string, SafetensorsEntry>();
    group.set(name.slice(slash + 1), tensor);
    splits.set(split, group);
  }
  return splits;
}

function planSplit(name: string, tensors: ReadonlyMap<string, SafetensorsEntry>): PlannedSplit {
  const target = tensors.get(TARGET);
  if (!target) throw refused(`The split "${name}" has no "${name}/${TARGET}".`);
  const rows = target.shape[0] ?? 0;
  if (rows === 0 || target.byteLength === 0) throw refused(`"${target.name}" has no rows.`);
  const inputs: PlannedInput[] = [];
  for (const [input, tensor] of tensors) {
    if (input === TARGET || input === MASK) continue;
    const { dtype } = tensor;
    if (input === "") throw refused(`"${tensor.name}" names no input: tensors are named "${name}/<model input>".`);
    if (!isInputDtype(dtype)) {
      throw refused(`"${name}/${input}" is ${dtype}; inputs are one of ${INPUT_DTYPES.join(", ")}.`);
    }
    if (tensor.shape[0] !== rows) {
      throw refused(`"${name}/${input}" has ${tensor.shape[0] ?? 0} rows; "${name}/${TARGET}" has ${rows}.`);
    }
    if (tensor.byteLength === 0) throw refused(`"${name}/${input}" has rows of no values.`);
    inputs.push({ ...tensor, dtype, input });
  }
  if (inputs.length === 0) throw refused(`The split "${name}" has targets and no inputs.`);
  inputs.sort((a, b) => (a.input < b.input ? -1 : 1));
  return { name, rows, target, mask: tensors.get(MASK) ?? null, inputs };
}

const toInput = ({ input, dtype, shape }: PlannedInput): SuiteInput => ({ name: input, dtype, shape: shape.slice(1) });

/** Train, validation, then the OOD splits by name: the order of every table and plot. */
function bySplitOrder(a: { name: string }, b: { name: string }): number {
  const rank = (name: string) => (name === "train" ? 0 : name === "validation" ? 1 : 2);
  return rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1);
}

function describe(inputs: readonly SuiteInput[]): string {
  return inputs.map((input) => `"${input.name}" ${input.dtype}${describeShape(input.shape)}`).join(", ");
}

/** Of the axes behind the rows. */
const describeShape = (shape: readonly number[]): string => `[${["n", ...shape].join(", ")}]`;

/** Bytes of one row's inputs. */
const rowBytes = ({ inputs, rows }: PlannedSplit): number =>
  inputs.reduce((sum, { byteLength }) => sum + byteLength / rows, 0);

/** Rows of a split that are looked at at once: at most so many, and, but for one, no more bytes. */
export const rowsOfBlock = (split: PlannedSplit, mostBytes: number, mostRows: number): number =>
  Math.min(mostRows, Math.max(1, Math.floor(mostBytes / Math.max(1, rowBytes(split)))));

/** The inputs of `count` rows from `first` on. */
export async function readRows(
  { inputs, rows }: PlannedSplit,
  first: number,
  count: number,
  read: ReadBytes,
): Promise<RowTensor[]> {
  return await Promise.all(
    inputs.map(async ({ input, dtype, shape, offset, byteLength }) => {
      const width = byteLength / rows;
      const bytes = await read(offset + first * width, offset + (first + count) * width);
      return { name: input, dtype, shape: [count, ...shape.slice(1)], bytes };
    }),
  );
}

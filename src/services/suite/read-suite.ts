import type { SuiteInput, SuiteSplit, SuiteTensor } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { decode, INPUT_DTYPES, type InputDtype, isInputDtype } from "../../evaluation/dtypes.ts";
import { TensorFormatError } from "../../tensors/errors.ts";
import { checkName } from "../../tensors/ledger.ts";
import { DEFAULT_LIMITS, readSafetensors, type TensorView } from "../../tensors/safetensors.ts";

/** What a suite file says, checked. */
export interface SuiteContents {
  task: string;
  output: string;
  inputs: SuiteInput[];
  splits: SuiteSplit[];
  tensors: SuiteTensor[];
}

const SPLIT_NAME = /^(train|validation|ood:[A-Za-z0-9_.-]{1,64})$/;
const TARGET = "target";
const TARGET_DTYPES = ["int64", "int32", "uint8", "int8"] as const satisfies readonly InputDtype[];

/**
 * Reads and checks a suite: a safetensors file with tensors `<split>/<model input>` and `<split>/target`, rows along
 * the first axis, and `__metadata__` with `task` and `output`.
 * @throws DomainError `invalid_suite`, naming the tensor at fault
 */
export function readSuite(bytes: Uint8Array): SuiteContents {
  const file = refusing(() => readSafetensors(bytes));
  const task = file.metadata["task"] ?? "classification";
  if (task !== "classification") {
    throw refused(`The task is "${task}"; this version evaluates "classification" alone.`);
  }
  const output = file.metadata["output"];
  if (!output) throw refused('__metadata__ lacks "output": the name of the model output that holds the logits.');

  // Postgres keeps neither a NUL nor half a surrogate pair, and no model can have an output of such a name.
  refusing(() => checkName(output, "The output", DEFAULT_LIMITS));

  const bySplit = groupBySplit(file.tensors);
  if (!bySplit.has("train")) throw refused('There is no split "train": tensors are named "train/<model input>".');
  if (bySplit.size < 2)
    throw refused('There is no split beside "train": give "validation" and at least one "ood:<name>".');

  let inputs: SuiteInput[] | null = null;
  const splits: SuiteSplit[] = [];
  for (const [name, tensors] of bySplit) {
    const found = readSplit(name, tensors);
    inputs ??= found.inputs;
    if (JSON.stringify(inputs) !== JSON.stringify(found.inputs)) {
      throw refused(
        `The split "${name}" has the inputs ${describe(found.inputs)}; the splits before it have ${describe(inputs)}.`,
      );
    }
    splits.push(found.split);
  }
  return { task, output, inputs: inputs ?? [], splits: splits.sort(bySplitOrder), tensors: layout(file.tensors) };
}

function refusing<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof TensorFormatError) throw refused(error.message);
    throw error;
  }
}

function groupBySplit(tensors: ReadonlyMap<string, TensorView>): Map<string, Map<string, TensorView>> {
  const splits = new Map<string, Map<string, TensorView>>();
  for (const [name, tensor] of tensors) {
    const slash = name.indexOf("/");
    const split = name.slice(0, Math.max(0, slash));
    if (!SPLIT_NAME.test(split)) {
      throw refused(
        `The tensor "${name}" is in no split: name it "train/…", "validation/…" or "ood:<name>/…" (letters, digits, ".", "_" and "-").`,
      );
    }
    const group = splits.get(split) ?? new Map<string, TensorView>();
    group.set(name.slice(slash + 1), tensor);
    splits.set(split, group);
  }
  return splits;
}

function readSplit(name: string, tensors: Map<string, TensorView>): { inputs: SuiteInput[]; split: SuiteSplit } {
  const target = tensors.get(TARGET);
  if (!target) throw refused(`The split "${name}" has no "${name}/${TARGET}".`);
  const dtype = TARGET_DTYPES.find((allowed) => allowed === target.dtype);
  if (!dtype) {
    throw refused(`"${name}/${TARGET}" is ${target.dtype}; class indices are one of ${TARGET_DTYPES.join(", ")}.`);
  }
  const rows = target.shape[0] ?? 0;
  if (rows === 0) throw refused(`"${name}/${TARGET}" has no rows.`);

  const inputs: SuiteInput[] = [];
  for (const [input, tensor] of tensors) {
    if (input === TARGET) continue;
    if (!isInputDtype(tensor.dtype)) {
      throw refused(`"${name}/${input}" is ${tensor.dtype}; inputs are one of ${INPUT_DTYPES.join(", ")}.`);
    }
    if (tensor.shape[0] !== rows) {
      throw refused(`"${name}/${input}" has ${tensor.shape[0] ?? 0} rows; "${name}/${TARGET}" has ${rows}.`);
    }
    checkFinite(`${name}/${input}`, tensor.dtype, tensor);
    inputs.push({ name: input, dtype: tensor.dtype, shape: tensor.shape.slice(1) });
  }
  if (inputs.length === 0) throw refused(`The split "${name}" has targets and no inputs.`);
  inputs.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { inputs, split: { name, rows, ...countTargets(`${name}/${TARGET}`, decode(dtype, target.bytes)) } };
}

/** Majority-class rate and number of targets; a target below zero is no class. */
function countTargets(name: string, values: ArrayLike<number | bigint>): { total: number; chance: number } {
  const counts = new Map<number, number>();
  for (let n = 0; n < values.length; n += 1) {
    const value = Number(values[n]);
    if (value < 0) throw refused(`"${name}" has the class ${value} at position ${n}; classes count from 0.`);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  if (counts.size === 1) {
    throw refused(`"${name}" has one class alone: every answer of that class would pass for understanding.`);
  }
  return { total: values.length, chance: Math.max(...counts.values()) / values.length };
}

function checkFinite(name: string, dtype: InputDtype, tensor: TensorView): void {
  if (dtype !== "float32" && dtype !== "float64") return;
  const values = decode(dtype, tensor.bytes);
  for (let n = 0; n < values.length; n += 1) {
    if (!Number.isFinite(values[n])) throw refused(`"${name}" has ${values[n]} at position ${n}.`);
  }
}

function layout(tensors: ReadonlyMap<string, TensorView>): SuiteTensor[] {
  return Array.from(tensors.values(), ({ name, dtype, shape, offset, bytes }) => ({
    name,
    dtype,
    shape: [...shape],
    offset,
    length: bytes.byteLength,
  }));
}

/** Train, validation, then the OOD splits by name: the order of every table and plot. */
function bySplitOrder(a: SuiteSplit, b: SuiteSplit): number {
  const rank = (name: string) => (name === "train" ? 0 : name === "validation" ? 1 : 2);
  return rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1);
}

function describe(inputs: readonly SuiteInput[]): string {
  return inputs
    .map((input) => `"${input.name}" ${input.dtype}[n${input.shape.map((d) => `, ${d}`).join("")}]`)
    .join(", ");
}

function refused(detail: string): DomainError {
  return new DomainError("invalid_suite", detail);
}

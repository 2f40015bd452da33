import type { SuiteInput, SuiteSplit, SuiteTensor } from "../../database/schema.ts";
import { type AuditedSplit, auditSuite } from "../../evaluation/audit.ts";
import type { SuiteAudit } from "../../evaluation/audit-types.ts";
import { decode, INPUT_DTYPES, type InputDtype, isInputDtype } from "../../evaluation/dtypes.ts";
import type { Scoring } from "../../evaluation/metrics.ts";
import type { RowTensor } from "../../evaluation/rows.ts";
import { TensorFormatError } from "../../tensors/errors.ts";
import { checkName } from "../../tensors/ledger.ts";
import { DEFAULT_LIMITS, readSafetensors, type TensorView } from "../../tensors/safetensors.ts";
import { readAsFloat32 } from "../../tensors/values.ts";
import { readScoring } from "./read-scoring.ts";
import { readTargets } from "./read-targets.ts";
import { suiteRefusal as refused } from "./refusal.ts";

/** What a suite file says, checked. */
export interface SuiteContents {
  task: Scoring["task"];
  scoring: Scoring;
  output: string;
  inputs: SuiteInput[];
  splits: SuiteSplit[];
  tensors: SuiteTensor[];
  audit: SuiteAudit;
}

const SPLIT_NAME = /^(train|validation|ood:[A-Za-z0-9_.-]{1,64})$/;
const TARGET = "target";
/** Not "mask", which is what models call an input of theirs. */
const MASK = "target_mask";

/**
 * Reads and checks a suite: a safetensors file with tensors `<split>/<model input>` and `<split>/target`, rows along
 * the first axis, and `__metadata__` with `task`, `output` and the task's options; `<split>/target_mask` says which
 * targets are asked.
 * @throws DomainError `invalid_suite`, naming the tensor at fault
 */
export function readSuite(bytes: Uint8Array): SuiteContents {
  const file = refusing(() => readSafetensors(bytes));
  const scoring = readScoring(file.metadata);
  const output = file.metadata["output"];
  if (!output) throw refused('__metadata__ lacks "output": the name of the model output that answers.');

  // Postgres keeps neither a NUL nor half a surrogate pair, and no model can have an output of such a name.
  refusing(() => checkName(output, "The output", DEFAULT_LIMITS));

  const bySplit = groupBySplit(file.tensors);
  if (!bySplit.has("train")) throw refused('There is no split "train": tensors are named "train/<model input>".');
  if (bySplit.size < 2)
    throw refused('There is no split beside "train": give "validation" and at least one "ood:<name>".');

  let inputs: SuiteInput[] | null = null;
  const splits: SuiteSplit[] = [];
  const audited: AuditedSplit[] = [];
  for (const [name, tensors] of bySplit) {
    const found = readSplit(name, tensors, scoring);
    inputs ??= found.inputs;
    if (JSON.stringify(inputs) !== JSON.stringify(found.inputs)) {
      throw refused(
        `The split "${name}" has the inputs ${describe(found.inputs)}; the splits before it have ${describe(inputs)}.`,
      );
    }
    splits.push(found.split);
    audited.push(found.audited);
  }
  return {
    task: scoring.task,
    scoring,
    output,
    inputs: inputs ?? [],
    splits: splits.sort(bySplitOrder),
    tensors: layout(file.tensors),
    audit: auditSuite(scoring.task, audited.sort(bySplitOrder)),
  };
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

function readSplit(
  name: string,
  tensors: Map<string, TensorView>,
  scoring: Scoring,
): { inputs: SuiteInput[]; split: SuiteSplit; audited: AuditedSplit } {
  const target = tensors.get(TARGET);
  if (!target) throw refused(`The split "${name}" has no "${name}/${TARGET}".`);
  const { total, chance, classes, dtype } = readTargets(scoring, target, tensors.get(MASK) ?? null);
  const rows = target.shape[0] ?? 0;

  const inputs: RowTensor[] = [];
  for (const [input, tensor] of tensors) {
    if (input === TARGET || input === MASK) continue;
    if (!isInputDtype(tensor.dtype)) {
      throw refused(`"${name}/${input}" is ${tensor.dtype}; inputs are one of ${INPUT_DTYPES.join(", ")}.`);
    }
    if (tensor.shape[0] !== rows) {
      throw refused(`"${name}/${input}" has ${tensor.shape[0] ?? 0} rows; "${name}/${TARGET}" has ${rows}.`);
    }
    checkFinite(`${name}/${input}`, tensor.dtype, tensor);
    inputs.push({ name: input, dtype: tensor.dtype, shape: tensor.shape, bytes: tensor.bytes });
  }
  if (inputs.length === 0) throw refused(`The split "${name}" has targets and no inputs.`);
  inputs.sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    inputs: inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape: shape.slice(1) })),
    split: { name, rows, total, chance },
    audited: { name, rows, inputs, target: { ...target, dtype }, total, classes },
  };
}

function checkFinite(name: string, dtype: InputDtype, tensor: TensorView): void {
  const values = dtype === "float16" ? readAsFloat32(tensor) : dtype.startsWith("float") && decode(dtype, tensor.bytes);
  if (!values) return;
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
function bySplitOrder(a: { name: string }, b: { name: string }): number {
  const rank = (name: string) => (name === "train" ? 0 : name === "validation" ? 1 : 2);
  return rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1);
}

function describe(inputs: readonly SuiteInput[]): string {
  return inputs
    .map((input) => `"${input.name}" ${input.dtype}[n${input.shape.map((d) => `, ${d}`).join("")}]`)
    .join(", ");
}

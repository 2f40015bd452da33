import { floorOf, type Targets } from "../../evaluation/chance.ts";
import { decode, type InputDtype } from "../../evaluation/dtypes.ts";
import type { Scoring } from "../../evaluation/metrics.ts";
import type { TensorView } from "../../tensors/safetensors.ts";
import { suiteRefusal as refused } from "./refusal.ts";

const WHOLE = ["int64", "int32", "uint8", "int8", "bool"] as const satisfies readonly InputDtype[];
const REAL = ["float32", "float64", ...WHOLE] as const satisfies readonly InputDtype[];

/** No output that an isolate holds has more classes; and up to here every index is exact, whatever holds it. */
const MOST_CLASSES = 2 ** 24;

/** A split's targets, decoded and checked against the task, with what a constant answer scores on them. */
export interface CheckedTargets extends Targets {
  dtype: InputDtype;
  total: number;
  chance: number;
  classes: [value: number, count: number][];
}

/** @throws DomainError `invalid_suite`, naming the tensor at fault */
export function readTargets(scoring: Scoring, target: TensorView, mask: TensorView | null): CheckedTargets {
  const { name, shape } = target;
  const { values, dtype } = decodeNumbers(
    target,
    scoring.task === "regression" ? REAL : WHOLE,
    `a ${scoring.task}'s targets`,
  );
  if ((shape[0] ?? 0) === 0 || values.length === 0) throw refused(`"${name}" has no rows.`);
  if (scoring.task === "multilabel" && shape.length < 2) {
    throw refused(`"${name}" has the shape [${shape.join(", ")}]; a multilabel's has the labels as its last axis.`);
  }
  const targets: Targets = { values, mask: mask && readMask(target, mask), shape };
  checkRange(name, scoring, targets);
  const floor = floorOf(scoring, targets);
  if (floor.total === 0) throw refused(`"${name}" asks nothing: every target is ignored or masked.`);
  if (floor.chance === 1) {
    throw refused(
      scoring.task === "classification" || scoring.task === "binary"
        ? `"${name}" has one class alone: every answer of that class would pass for understanding.`
        : `One answer is right for every target of "${name}": it would pass for understanding.`,
    );
  }
  return { ...targets, ...floor, dtype };
}

function readMask({ name, shape }: TensorView, mask: TensorView): ArrayLike<number> {
  if (mask.shape.join() !== shape.join()) {
    throw refused(
      `"${mask.name}" has the shape [${mask.shape.join(", ")}]; "${name}" has [${shape.join(", ")}]: they must be the same.`,
    );
  }
  return decodeNumbers(mask, WHOLE, "a mask's values").values;
}

function decodeNumbers(tensor: TensorView, allowed: readonly InputDtype[], what: string) {
  const dtype = allowed.find((candidate) => candidate === tensor.dtype);
  if (!dtype) throw refused(`"${tensor.name}" is ${tensor.dtype}; ${what} are one of ${allowed.join(", ")}.`);
  const values = decode(dtype, tensor.bytes);
  // Typed, as segmentation has a target for each pixel.
  return { dtype, values: values instanceof BigInt64Array ? Float64Array.from(values, Number) : values };
}

function checkRange(name: string, scoring: Scoring, { values, mask, shape }: Targets): void {
  const { task } = scoring;
  const width = values.length / (shape[0] ?? 1);
  const at = (n: number) => `at position ${n}, in row ${Math.floor(n / width)}`;
  for (let n = 0; n < values.length; n += 1) {
    const value = values[n] ?? Number.NaN;
    if (mask?.[n] === 0) continue;
    if (task === "regression") {
      if (!Number.isFinite(value)) throw refused(`"${name}" has ${value} ${at(n)}.`);
    } else if (task === "classification") {
      if ((value >= 0 && value < MOST_CLASSES) || value === scoring.ignoreIndex) continue;
      throw refused(`"${name}" has the class ${value} ${at(n)}; classes count from 0 to ${MOST_CLASSES - 1}.`);
    } else if (value !== 0 && value !== 1) {
      throw refused(`"${name}" has ${value} ${at(n)}; a ${task}'s targets are 0 or 1.`);
    }
  }
}

import type { Tensor } from "onnxruntime-web/wasm";
import { readAsFloat32 } from "../tensors/values.ts";
import type { Scoring } from "./metrics.ts";
import { ModelFailure } from "./model-failure.ts";

/** An output's numbers. @throws ModelFailure `output_mismatch` where it is no floating type */
export function toFloats(answer: Tensor, output: string): ArrayLike<number> {
  if (answer.type === "float32" || answer.type === "float64") return answer.data as Float32Array;
  if (answer.type !== "float16") {
    throw mismatch(`The output "${output}" is ${answer.type}; it must be float32, float64 or float16.`);
  }
  const { buffer, byteOffset, byteLength } = answer.data as Uint16Array;
  return readAsFloat32({ name: output, dtype: "float16", bytes: new Uint8Array(buffer, byteOffset, byteLength) });
}

/**
 * Classes or labels of an output that answers every target; axes of length 1 may be there or not.
 * @throws ModelFailure `output_mismatch`
 */
export function widthOf(answer: Tensor, output: string, { task }: Scoring, shape: readonly number[]): number {
  const classified = task === "classification";
  const answered = classified ? answer.dims.slice(0, -1) : answer.dims;
  if (withoutOnes(answered) !== withoutOnes(shape) || (classified && answer.dims.length === 0)) {
    const wanted = classified ? [...shape, "classes"] : shape;
    throw mismatch(
      `The output "${output}" has the shape [${answer.dims.join(", ")}]; for ${task} on these targets it must be [${wanted.join(", ")}].`,
    );
  }
  if (classified) return answer.dims.at(-1) ?? 1;
  return task === "multilabel" ? (shape.at(-1) ?? 1) : 1;
}

const withoutOnes = (shape: readonly number[]): string => shape.filter((length) => length !== 1).join();

/** @throws ModelFailure `output_mismatch` for a target that is asked and that the model has no class for */
export function checkClasses(
  classes: number,
  { ignoreIndex }: { ignoreIndex: number | null },
  targets: ArrayLike<number>,
  mask: ArrayLike<number> | null,
): void {
  for (let n = 0; n < targets.length; n += 1) {
    const target = targets[n] ?? 0;
    if (target < classes || target === ignoreIndex || mask?.[n] === 0) continue;
    throw mismatch(`The model has ${classes} classes; the suite has the target ${target}.`);
  }
}

function mismatch(message: string): ModelFailure {
  return new ModelFailure("output_mismatch", message);
}

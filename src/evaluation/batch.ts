import type { InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { checkClasses, toFloats, widthOf } from "./answers.ts";
import { view } from "./dtypes.ts";
import { type Scoring, scoreBatch, type Tally } from "./metrics.ts";
import { ModelFailure } from "./model-failure.ts";
import { loadRuntime } from "./runtime.ts";
import { asFailure } from "./sessions.ts";
import { type FeedTensor, rowsOf, type Slice } from "./slice.ts";

/** What is asked of every model on a suite. */
export interface Question {
  /** The model output that answers. */
  output: string;
  scoring: Scoring;
}

/**
 * One forward pass over all rows of a slice, scored. `twice` feeds a lone row two times: ONNX Runtime multiplies a
 * single row by other sums than several, and an answer must not depend on what a row came with.
 * @throws ModelFailure, SpoiledHeap
 */
export async function scorePass(
  session: InferenceSession,
  { output, scoring }: Question,
  slice: Slice,
  { twice }: { twice: boolean },
): Promise<Tally> {
  if (!session.outputNames.includes(output)) {
    throw new ModelFailure(
      "output_mismatch",
      `The suite reads the output "${output}"; the model has ${session.outputNames.map((name) => `"${name}"`).join(", ")}.`,
    );
  }
  const rows = rowsOf(slice);
  const fed = twice && rows === 1 ? 2 : rows;
  const { ort } = await loadRuntime();
  const feeds: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(slice.inputs)) {
    const whole = fed === rows ? tensor : doubled(tensor);
    feeds[name] = new ort.Tensor(whole.dtype as "float32", ortData(whole), whole.shape);
  }
  let answer: Tensor;
  try {
    const results = await session.run(feeds, [output]);
    answer = results[output] as Tensor;
  } catch (cause) {
    throw asFailure(cause, "model_failed", "The model fails on the suite's inputs");
  }
  try {
    const width = widthOf(answer, output, scoring, [fed, ...slice.targets.shape.slice(1)]);
    const targets = toNumbers(slice.targets);
    const mask = slice.mask && toNumbers(slice.mask);
    if (scoring.task === "classification") checkClasses(width, scoring, targets, mask);
    return scoreBatch(scoring, { rows, outputs: toFloats(answer, output), targets, width, mask });
  } finally {
    answer.dispose();
  }
}

function doubled({ dtype, shape, bytes }: FeedTensor): FeedTensor {
  const twice = new Uint8Array(2 * bytes.byteLength);
  twice.set(bytes);
  twice.set(bytes, bytes.byteLength);
  return { dtype, shape: [2, ...shape.slice(1)], bytes: twice };
}

/** The constructor of ort.Tensor is overloaded by type and cannot take the union; `view` keeps the two in step. */
function ortData({ dtype, bytes }: FeedTensor): Float32Array {
  return view(dtype, bytes) as unknown as Float32Array;
}

/** Typed: a batch of images may have a target for each pixel. */
function toNumbers({ dtype, bytes }: FeedTensor): ArrayLike<number> {
  const values = view(dtype, bytes);
  return values instanceof BigInt64Array ? Float64Array.from(values, Number) : values;
}

import { InferenceSession, Tensor } from "onnxruntime-node";
import { beforeAll, expect, test } from "vitest";
import { readAsFloat32 } from "../../src/tensors/values.ts";
import { drawRows, evaluate, ROWS, type Row, suiteOf } from "./architecture-suites.ts";
import { ARCHITECTURES, type Architecture, toHalf } from "./architectures.ts";
import { newTeam, type Team } from "./service.ts";

// The engine's answers are compared inside the service itself: a suite whose targets are ONNX Runtime native's logits is
// right within 1e-4 for every one of them, and one whose targets are native's predictions is right on every row.

let team: Team;
beforeAll(async () => {
  team = await newTeam();
});

/** All rows as one batch: the engine's own batches are others. */
async function nativeLogits({ onnx, inputs }: Architecture, rows: readonly Row[]): Promise<number[]> {
  const session = await InferenceSession.create(Uint8Array.from(onnx));
  const feeds = Object.entries(inputs).map(([name, { dtype, shape }]) => {
    const values = rows.flatMap((row) => row[name] ?? []);
    return [name, tensorOf(dtype, values, [rows.length, ...shape])] as const;
  });
  const { y } = await session.run(Object.fromEntries(feeds));
  if (!y) throw new Error("the model has no output y");
  const logits = y.type === "float16" ? halves(y) : (y.data as Float32Array);
  await session.release();
  return Array.from(logits);
}

function tensorOf(dtype: "F32" | "F16" | "I64", values: number[], shape: number[]): Tensor {
  if (dtype === "I64") return new Tensor("int64", BigInt64Array.from(values, BigInt), shape);
  if (dtype === "F16") {
    const codes = Uint16Array.from(values, toHalf);
    // Where the platform has half floats the tensor shows its data as such, which the native binding takes for empty.
    return Object.defineProperty(new Tensor("float16", codes, shape), "data", { value: codes });
  }
  return new Tensor("float32", Float32Array.from(values), shape);
}

/** The codes, whether they come as such or as half floats of the platform. */
function halves({ data }: Tensor): ArrayLike<number> {
  if (!ArrayBuffer.isView(data)) throw new Error("half precision comes as a typed array");
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return readAsFloat32({ name: "y", dtype: "float16", bytes });
}

function predictions(logits: readonly number[], classes: number): number[] {
  return Array.from({ length: logits.length / classes }, (_, n) => {
    const row = logits.slice(n * classes, (n + 1) * classes);
    return row.indexOf(Math.max(...row));
  });
}

test.each(ARCHITECTURES.map((architecture, n) => ({ ...architecture, n })))(
  "$name answers as ONNX Runtime native does: logits to 1e-4, equal predictions",
  async ({ n, ...architecture }) => {
    const { inputs, outputs, onnx } = architecture;
    const splits = await Promise.all(
      ["train", "ood:shift"].map(async (name) => {
        const rows = drawRows(inputs);
        return { name, rows, targets: await nativeLogits(architecture, rows) };
      }),
    );
    const logits = await evaluate(team, `native-${n}-logits`, suiteOf("regression", inputs, splits), onnx);
    expect(logits).toMatchObject({ status: "done", failure: null });
    for (const { correct, total } of logits.splits) {
      expect({ correct, total }).toEqual({ correct: ROWS * outputs, total: ROWS * outputs });
    }

    const predicted = splits.map((split) => ({ ...split, targets: predictions(split.targets, outputs) }));
    const classes = await evaluate(team, `native-${n}-classes`, suiteOf("classification", inputs, predicted), onnx);
    expect(classes).toMatchObject({ status: "done", failure: null });
    for (const { correct, total } of classes.splits) expect({ correct, total }).toEqual({ correct: ROWS, total: ROWS });
  },
);

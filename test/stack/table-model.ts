import { GraphBuilder } from "../../trainer/src/onnx/graph.ts";
import { type SafeTensor, writeSafetensors } from "../../trainer/src/safetensors.ts";

// Models that know by heart what they answer to each example: logits = table[row]. So any accuracy on any split, and
// any weight norm, is a choice.

export const SPLITS = ["train", "validation", "ood:shift"] as const;
export type SplitName = (typeof SPLITS)[number];
export const ROWS = 120;
const CLASSES = 10;

/** Share of each split that the model gets right, and the L2 norm of its weights. */
export type Accuracies = Record<SplitName, number> & { norm?: number };

const targetOf = (row: number): number => row % CLASSES;
export const correctOf = (accuracy: number): number => Math.round(accuracy * ROWS);

/** Splits of 120 examples in 10 classes each; example n of split s is the table's row s * 120 + n. */
export function tableSuite(names: readonly string[] = SPLITS): Uint8Array<ArrayBuffer> {
  const tensors = new Map<string, SafeTensor>();
  names.forEach((name, split) => {
    const rows = Array.from({ length: ROWS }, (_, n) => split * ROWS + n);
    tensors.set(`${name}/row`, { shape: [ROWS], values: BigInt64Array.from(rows, BigInt) });
    tensors.set(`${name}/target`, { shape: [ROWS], values: BigInt64Array.from(rows.map(targetOf), BigInt) });
  });
  return writeSafetensors(tensors, { task: "classification", output: "logits" });
}

/** `name` goes into the file, so that models of equal accuracies need not be equal bytes. */
export function tableModel(name: string, accuracies: Accuracies): Uint8Array<ArrayBuffer> {
  const rows = SPLITS.length * ROWS;
  const table = new Float32Array(rows * CLASSES);
  const logit = (accuracies.norm ?? 50) / Math.sqrt(rows);
  SPLITS.forEach((split, s) => {
    for (let n = 0; n < ROWS; n++) {
      const row = s * ROWS + n;
      const answer = n < correctOf(accuracies[split]) ? targetOf(row) : (targetOf(row) + 1) % CLASSES;
      table[row * CLASSES + answer] = logit;
    }
  });
  const graph = new GraphBuilder(name);
  graph.output(
    graph.gather("logits", graph.weight("table", table, [rows, CLASSES]), graph.input("row", "int64", ["N"])),
  );
  return graph.finish();
}

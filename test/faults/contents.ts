import { createHash } from "node:crypto";
import type { Engine } from "../../src/evaluation/engine.ts";
import type { Point } from "../../src/phases/judge.ts";
import { readLayers } from "../../src/services/evaluation/layers.ts";
import { writeSafetensors } from "../../trainer/src/safetensors.ts";
import { type Accuracies, correctOf, ROWS, SPLITS, tableModel } from "../stack/table-model.ts";

// What checkpoints of the reference hold, and what must therefore be measured of them.

export interface Counts {
  correct: number;
  total: number;
  loss: number | null;
}
export type Results = Record<string, Counts>;

export interface Content {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
  digest: string;
  /** Null of weights without a graph, which cannot be evaluated. */
  accuracies: Accuracies | null;
  /** What its point says of its layers once it is evaluated. */
  layers: Point["layers"] | null;
}

/** L2 norm of every table model. */
export const NORM = 50;
export const ACCURACIES = [
  { train: 1, validation: 0.1, "ood:shift": 0.1 },
  { train: 1, validation: 1, "ood:shift": 1 },
  { train: 1, validation: 0.5, "ood:shift": 0.5 },
] as const satisfies Accuracies[];
/** The last content is weights alone. */
export const CONTENTS = ACCURACIES.length + 1;

const made = new Map<string, Content>();

/** The nth content of a step: other steps have other bytes, and so have other contents of it. */
export function contentOf(step: number, nth: number): Content {
  const name = `step ${step}, ${nth}`;
  const found = made.get(name);
  if (found) return found;
  const accuracies = ACCURACIES[nth] ?? null;
  const bytes = accuracies
    ? tableModel(name, accuracies)
    : writeSafetensors(new Map([["weights", { shape: [2], values: Float32Array.of(step, nth) }]]), {});
  const content = { name, bytes, accuracies, digest: digestOf(bytes), layers: accuracies && readLayers(bytes) };
  made.set(name, content);
  return content;
}

const digestOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** A table model's logit, and what the others are. */
const LOGIT = NORM / Math.sqrt(ROWS * SPLITS.length);
const lossOf = (right: boolean) => Math.log(Math.exp(LOGIT) + 9) - (right ? LOGIT : 0);

/** What an evaluation must find. */
export function resultsOf(accuracies: Accuracies): Results {
  return Object.fromEntries(
    SPLITS.map((split) => {
      const correct = correctOf(accuracies[split]);
      const loss = (correct * lossOf(true) + (ROWS - correct) * lossOf(false)) / ROWS;
      return [split, { correct, total: ROWS, loss }];
    }),
  );
}

/**
 * ONNX Runtime's place in this process: its bundle runs in workerd alone. Knows by digest what a table model answers,
 * and reads its bytes and the slice from the store as the real one does.
 */
export function referenceEngine(): Engine {
  return {
    async prepare({ load }) {
      await load();
    },
    async score(model, _question, slice) {
      const bytes = await model.load();
      if (digestOf(bytes) !== model.digest) throw new Error(`other bytes than ${model.digest} were stored`);
      const content = [...made.values()].find(({ digest }) => digest === model.digest);
      const rows = slice.inputs["row"];
      if (!content?.accuracies || !rows) throw new Error(`nobody pushed ${model.digest}`);
      const { accuracies } = content;
      const numbers = new BigInt64Array(rows.bytes.slice().buffer);
      const right = Array.from(numbers, (number) => {
        const split = SPLITS[Math.floor(Number(number) / ROWS)] ?? "train";
        return Number(number) % ROWS < correctOf(accuracies[split]);
      });
      const rowLosses = Float64Array.from(right, lossOf);
      return {
        correct: right.filter(Boolean).length,
        total: right.length,
        lossSum: rowLosses.reduce((sum, loss) => sum + loss, 0),
        classes: null,
        correctness: Uint8Array.from(right, Number),
        rowLosses,
      };
    },
  };
}

import type { Random } from "../random.ts";
import { UsageError } from "../usage-error.ts";
import type { Split, SplitName, Task } from "./task.ts";

export interface SparseParitySettings {
  readonly bits: number;
  /** How many of the bits decide: always the first ones, which a network without order cannot know. */
  readonly parityBits: number;
  readonly parityExamples: number;
}

const HELD_OUT = 1000;
const OOD = 400;

/**
 * Parity of a few of many signs (Barak et al. 2022, arXiv 2207.08799): class 1 where their product is -1. Train and
 * validation draw every sign fairly. The probes keep the rule and move the signs:
 * - `ood:biased`: all signs are +1 with probability .8, as train never has them;
 * - `ood:runs`: the signs that do not matter are equal in a row, and turn at two places only.
 */
export function sparseParity({ bits, parityBits, parityExamples }: SparseParitySettings, random: Random): Task {
  if (parityBits > bits) throw new UsageError(`--parity-bits must be at most --bits, ${bits}, got ${parityBits}`);
  const sign = (share: number) => (random.uniform() < share ? 1 : -1);
  const draw = (examples: number, signs: () => number[]): Split => {
    const rows = Array.from({ length: examples }, signs);
    return {
      inputs: { bits: Int32Array.from(rows.flat()) },
      target: Int32Array.from(rows, (row) => (row.slice(0, parityBits).reduce((x, y) => x * y) === 1 ? 0 : 1)),
    };
  };
  const fair = () => Array.from({ length: bits }, () => sign(0.5));
  const biased = () => Array.from({ length: bits }, () => sign(0.8));
  const runs = () => {
    const place = () => parityBits + Math.floor(random.uniform() * (bits - parityBits));
    const [first, second, start] = [place(), place(), sign(0.5)];
    const isInside = (i: number) => i >= Math.min(first, second) && i < Math.max(first, second);
    return Array.from({ length: bits }, (_, i) => (i < parityBits ? sign(0.5) : isInside(i) ? -start : start));
  };
  return {
    name: `parity${parityBits}of${bits}`,
    inputs: new Map([["bits", { kind: "numbers", width: bits, unit: 1 }]]),
    classes: 2,
    splits: new Map<SplitName, Split>([
      ["train", draw(parityExamples, fair)],
      ["validation", draw(HELD_OUT, fair)],
      ["ood:biased", draw(OOD, biased)],
      ["ood:runs", draw(OOD, runs)],
    ]),
  };
}

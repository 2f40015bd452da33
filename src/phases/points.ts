import { TrajectoryError } from "./error.ts";
import type { LayerStatistics, Point, SplitResult } from "./types.ts";

export const isOod = (split: string): boolean => split === "ood" || /^ood:./.test(split);

/** True for the names a split can have: `train`, `validation`, `ood`, `ood:<name>`. */
export const isSplitName = (split: string): boolean => split === "train" || split === "validation" || isOod(split);

/** Of splits by name those that decide, sorted: all OOD splits; validation where there are none. */
export function decidingOf(splits: readonly string[]): string[] {
  const ood = splits.filter(isOod).toSorted();
  return ood.length > 0 ? ood : splits.filter((name) => name === "validation");
}

/** Throws `TrajectoryError` unless the point can be judged: counts that are counts, numbers that are finite. */
export function checkPoint(point: Point): void {
  const { step } = point;
  if (!Number.isSafeInteger(step) || step < 0) {
    throw new TrajectoryError("invalid_step", `a step must be a whole number from 0, got ${step}`);
  }
  if (!finiteOrAbsent(point.weightNorm) || (point.weightNorm ?? 0) < 0) {
    const message = `step ${step}: the weight norm must be a number from 0, got ${point.weightNorm}`;
    throw new TrajectoryError("invalid_result", message, { step });
  }
  for (const [split, result] of Object.entries(point.splits)) checkResult(step, split, result);
  if (point.layers === undefined) return;
  for (const [layer, statistics] of Object.entries(point.layers)) checkLayer(step, layer, statistics);
}

function checkResult(step: number, split: string, result: SplitResult): void {
  const where = { step, split };
  const refuse = (what: string) => new TrajectoryError("invalid_result", `step ${step}, ${split}: ${what}`, where);
  if (!isSplitName(split)) {
    const message = `step ${step}: split "${split}" is none of train, validation, ood, ood:<name>`;
    throw new TrajectoryError("unknown_split", message, where);
  }
  const { correct, total, loss } = result;
  if (!Number.isSafeInteger(total) || total < 1) throw refuse(`total must be a whole number from 1, got ${total}`);
  if (!Number.isSafeInteger(correct) || correct < 0) {
    throw refuse(`correct must be a whole number from 0, got ${correct}`);
  }
  if (correct > total) throw refuse(`${correct} correct of ${total}`);
  if (!finiteOrAbsent(loss)) throw refuse(`loss must be a finite number, got ${loss}`);
}

const LAYER_STATISTICS = ["norm", "effectiveRank", "alpha"] as const;

function checkLayer(step: number, layer: string, statistics: LayerStatistics): void {
  if (layer === "") throw new TrajectoryError("invalid_result", `step ${step}: a layer without a name`, { step });
  for (const name of LAYER_STATISTICS) {
    const value = statistics[name];
    if (finiteOrAbsent(value) && (value ?? 0) >= 0) continue;
    const message = `step ${step}, layer "${layer}": ${name} must be a number from 0, got ${value}`;
    throw new TrajectoryError("invalid_result", message, { step });
  }
}

const finiteOrAbsent = (value: number | null | undefined): boolean =>
  value === null || value === undefined || Number.isFinite(value);

/** Sorted by step, repeats that agree dropped; repeats that disagree throw, because either may be the wrong one. */
export function orderPoints(points: readonly Point[]): readonly Point[] {
  if (points.every((point, i) => i === 0 || (points[i - 1]?.step ?? 0) < point.step)) return points;
  const ordered: Point[] = [];
  for (const point of points.toSorted((a, b) => a.step - b.step)) {
    const last = ordered.at(-1);
    if (last === undefined || last.step !== point.step) ordered.push(point);
    else if (!agree(last, point)) {
      const message = `step ${point.step} is there twice, with different results`;
      throw new TrajectoryError("step_order", message, { step: point.step });
    }
  }
  return ordered;
}

function agree(a: Point, b: Point): boolean {
  const names = new Set([...Object.keys(a.splits), ...Object.keys(b.splits)]);
  const same = (name: string) => {
    const [one, other] = [a.splits[name], b.splits[name]];
    if (one === undefined || other === undefined) return false;
    return one.correct === other.correct && one.total === other.total && (one.loss ?? null) === (other.loss ?? null);
  };
  return (a.weightNorm ?? null) === (b.weightNorm ?? null) && [...names].every(same) && agreeOnLayers(a, b);
}

function agreeOnLayers({ layers: a = {} }: Point, { layers: b = {} }: Point): boolean {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((layer) =>
    LAYER_STATISTICS.every((name) => (a[layer]?.[name] ?? null) === (b[layer]?.[name] ?? null)),
  );
}

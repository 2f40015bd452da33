// What the layers of the weights look like over time. Evidence alone: over the recorded runs no statistic of it told
// those that were about to cross from those that never did on every architecture (docs/structural-evidence.md).

import { median } from "./statistics.ts";
import { LATEST } from "./train.ts";
import type { LayerStatistics, StructureEvidence, Trend } from "./types.ts";

/**
 * Running summary over the layers: one number a layer and windows of means, whatever the number of checkpoints. It
 * begins anew where other layers are measured than before, since means over different layers do not compare.
 */
export interface StructureState {
  step: number;
  layers: number;
  /** Hash of the layers' names and of which have a norm and an effective rank. */
  set: number;
  /** Moving averages of ln(norm), in the order of the layers' names. */
  norms: number[];
  measured: number;
  /** Layers whose norm is below its average by as much as counts for a fall. */
  falling: number;
  /** Geometric means of the effective rank over the layers, the latest last. */
  ranks: number[];
  rankPeak: { step: number; value: number } | null;
  /** Medians over the layers of alpha, the latest last. */
  alphas: number[];
}

/** A change over the latest checkpoints that counts, as for the norm of all weights. */
const CHANGE = 0.01;
/** The start of the fitted tail jumps between checkpoints, and alpha with it. */
const ALPHA_CHANGE = 0.1;
/** A series that falls steadily trails so far behind it as it falls over the latest checkpoints. */
const AVERAGE_RATE = 1 / LATEST;

/** Takes in one checkpoint's layers, in place unless they are others than before; without any nothing changes. */
export function followStructure(
  before: StructureState | undefined,
  step: number,
  layers: Readonly<Record<string, LayerStatistics>>,
): StructureState | undefined {
  // By name: in which order they come must not matter.
  const names = Object.keys(layers).sort();
  if (names.length === 0) return before;
  const norms: number[] = [];
  const alphas: number[] = [];
  let [rankSum, ranked, set] = [0, 0, BASIS];
  for (const name of names) {
    const { norm, effectiveRank, alpha } = layers[name] ?? {};
    const hasNorm = isPositive(norm);
    const hasRank = isPositive(effectiveRank);
    if (hasNorm) norms.push(Math.log(norm));
    if (hasRank) {
      rankSum += Math.log(effectiveRank);
      ranked += 1;
    }
    if (isPositive(alpha)) alphas.push(alpha);
    set = hash(set, name, Number(hasNorm) + 2 * Number(hasRank));
  }
  const same = before !== undefined && before.set === set && before.layers === names.length;
  const state = same ? before : begin(names.length, set, norms);
  state.step = step;
  followNorms(state, norms);
  if (ranked > 0) followRank(state, step, round(Math.exp(rankSum / ranked)));
  if (alphas.length > 0) push(state.alphas, round(median(alphas)));
  return state;
}

/** Null where no layer was ever measured. */
export function structureEvidence(state: StructureState | undefined): StructureEvidence | null {
  if (state === undefined) return null;
  const { step, layers, norms, falling, ranks, rankPeak, alphas } = state;
  const [rank, alpha] = [ranks.at(-1), alphas.at(-1)];
  return {
    asOfStep: step,
    layers,
    fallingLayers: norms.length === 0 ? null : falling,
    effectiveRank:
      rank === undefined || rankPeak === null
        ? null
        : {
            peakStep: rankPeak.step,
            peak: rankPeak.value,
            now: rank,
            trend: trendOf(rank / (ranks[0] ?? rank) - 1, CHANGE),
          },
    alpha: alpha === undefined ? null : { now: alpha, trend: trendOf(alphaChange(alphas), ALPHA_CHANGE) },
  };
}

const begin = (layers: number, set: number, norms: readonly number[]): StructureState => ({
  step: 0,
  layers,
  set,
  norms: [...norms],
  measured: 0,
  falling: 0,
  ranks: [],
  rankPeak: null,
  alphas: [],
});

function followNorms(state: StructureState, norms: readonly number[]): void {
  state.measured = Math.min(LATEST, state.measured + 1);
  state.falling = 0;
  const rate = Math.max(AVERAGE_RATE, 1 / state.measured);
  for (const [i, value] of norms.entries()) {
    const average = state.norms[i] ?? value;
    const moved = average + rate * (value - average);
    if (value <= moved + Math.log1p(-CHANGE)) state.falling += 1;
    state.norms[i] = round(moved);
  }
}

function followRank(state: StructureState, step: number, value: number): void {
  push(state.ranks, value);
  if (state.rankPeak === null || value > state.rankPeak.value) state.rankPeak = { step, value };
}

function push(latest: number[], value: number): void {
  latest.push(value);
  if (latest.length > LATEST) latest.shift();
}

/** Relative change from the median of the older half of the window to that of the newer one. */
function alphaChange(alphas: readonly number[]): number {
  const half = Math.floor(alphas.length / 2);
  if (half === 0) return 0;
  const before = median(alphas.slice(0, half));
  return (median(alphas.slice(-half)) - before) / before;
}

function trendOf(change: number, least: number): Trend {
  if (change <= -least) return "falling";
  return change >= least ? "rising" : "flat";
}

const isPositive = (value: number | null | undefined): value is number =>
  value !== null && value !== undefined && value > 0;

/** Digits that no trend needs: an average of each of some hundred layers is stored with every append. */
const round = (value: number): number => Math.round(value * 1e6) / 1e6;

const BASIS = 0x811c9dc5;

/** FNV-1a, 32 bits, of a layer's name and what is measured of it, going on from the layers before. */
function hash(from: number, name: string, measured: number): number {
  let value = from;
  for (let i = 0; i < name.length; i += 1) value = Math.imul(value ^ name.charCodeAt(i), 0x01000193);
  return Math.imul(value ^ (0x10000 + measured), 0x01000193) >>> 0;
}

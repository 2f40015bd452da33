// The door of this room: a trajectory in, its transitions and verdict out. Pure: no I/O, no clock.

import { advance, begin } from "./fold.ts";
import { checkPoint, orderPoints } from "./points.ts";
import type { JudgeOptions, Point, Verdict } from "./types.ts";
import { conclude } from "./verdict.ts";

export { TrajectoryError, type TrajectoryErrorCode } from "./error.ts";
export { append, begin, type FoldState } from "./fold.ts";
export { holdsCeiling } from "./holds.ts";
export { decidingOf, isOod, isSplitName } from "./points.ts";
export { DEFAULT_POLICY, type Policy } from "./policy.ts";
export type * from "./types.ts";
export { conclude } from "./verdict.ts";

/** Changes whenever the same points could lead to another verdict: stored states of another version are refolded. */
export const DETECTOR_VERSION = "3";

/** The verdict on a whole trajectory, whatever the order of its points. Throws `TrajectoryError`. */
export function judge(points: readonly Point[], options: JudgeOptions): Verdict {
  for (const point of points) checkPoint(point);
  const state = begin(options);
  for (const point of orderPoints(points)) advance(state, point);
  return conclude(state);
}

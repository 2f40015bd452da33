import type { Detector } from "../series.ts";
import { binarySegmentationRival } from "./binary-segmentation.ts";
import { bocpdRival } from "./bocpd.ts";
import { eDivisiveRival } from "./e-divisive.ts";
import { jumpRule } from "./jump-rule.ts";
import { sixLines } from "./medians.ts";
import { peltRival } from "./pelt.ts";
import { zScore } from "./z-score.ts";

/** Every rival of the verdict benchmark, with its own defaults and the same rule for what counts as an event. */
export const RIVALS: readonly Detector[] = [
  jumpRule,
  zScore,
  bocpdRival,
  eDivisiveRival,
  peltRival,
  binarySegmentationRival,
  sixLines,
];

import { UsageError } from "../usage-error.ts";

/** Between its ends the fall is a straight line, or half a wave of the cosine. */
const shapes = {
  linear: (progress: number) => progress,
  cosine: (progress: number) => (1 - Math.cos(Math.PI * progress)) / 2,
};

export type DecayShape = keyof typeof shapes;
export const decayShapes = Object.keys(shapes) as DecayShape[];

export interface ScheduleSettings {
  readonly learningRate: number;
  /** The rate rises linearly from 0 over this many updates; the first has the rate of step 1, or it would be idle. */
  readonly warmUp: number;
  readonly decayShape: DecayShape;
  /** The rate falls between these steps, then stays. */
  readonly decayFrom: number;
  readonly decayTo: number;
  /** What is left of the rate after the fall. */
  readonly decayFloor: number;
}

/** Throws where the rate would fall backwards, or all at once. */
export function checkSchedule({ decayFrom, decayTo, decayFloor }: ScheduleSettings): void {
  if (decayFloor === 1 || decayFrom < decayTo) return;
  throw new UsageError(
    `--decay-from must be below --decay-to, got ${decayFrom} and ${decayTo}: set both, or --decay-floor 1 for no fall`,
  );
}

/** Without the fall a grokked network slingshots: it loses the solution for some checkpoints and finds it again. */
export function learningRateAt(step: number, settings: ScheduleSettings): number {
  const { learningRate, warmUp, decayShape, decayFrom, decayTo, decayFloor } = settings;
  const rise = warmUp === 0 ? 1 : Math.min(1, (step + 1) / warmUp);
  // A rate that stays may have its ends in any order.
  const progress = decayFloor === 1 ? 0 : Math.min(Math.max((step - decayFrom) / (decayTo - decayFrom), 0), 1);
  return learningRate * rise * (1 - shapes[decayShape](progress) * (1 - decayFloor));
}

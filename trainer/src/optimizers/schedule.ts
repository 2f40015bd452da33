export interface ScheduleSettings {
  readonly learningRate: number;
  /** The rate falls linearly between these steps, then stays. */
  readonly decayFrom: number;
  readonly decayTo: number;
  /** What is left of the rate after the fall. */
  readonly decayFloor: number;
}

/** Without the fall a grokked network slingshots: it loses the solution for some checkpoints and finds it again. */
export function learningRateAt(step: number, settings: ScheduleSettings): number {
  const { learningRate, decayFrom, decayTo, decayFloor } = settings;
  const progress = Math.min(Math.max((step - decayFrom) / (decayTo - decayFrom), 0), 1);
  return learningRate * (1 - progress * (1 - decayFloor));
}

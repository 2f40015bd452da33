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

/** Without the fall a grokked network slingshots: it loses the solution for some checkpoints and finds it again. */
export function learningRateAt(step: number, settings: ScheduleSettings): number {
  const { learningRate, warmUp, decayShape, decayFrom, decayTo, decayFloor } = settings;
  const rise = warmUp === 0 ? 1 : Math.min(1, (step + 1) / warmUp);
  const progress = Math.min(Math.max((step - decayFrom) / (decayTo - decayFrom), 0), 1);
  return learningRate * rise * (1 - shapes[decayShape](progress) * (1 - decayFloor));
}

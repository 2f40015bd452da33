export interface CheckpointSettings {
  readonly steps: number;
  readonly every: number;
  readonly logCheckpoints: number;
}

/** The steps at which to take a checkpoint, the first and the last among them. */
export function checkpointSteps({ steps, every, logCheckpoints }: CheckpointSettings): ReadonlySet<number> {
  const chosen = new Set([0]);
  if (logCheckpoints === 0) for (let step = every; step < steps; step += every) chosen.add(step);
  // Early ones fall on the same steps, so there may be fewer than asked for.
  for (let i = 0; i < logCheckpoints; i++) chosen.add(Math.round(steps ** (i / logCheckpoints)));
  return chosen.add(steps);
}

/** Counts and summed loss of a batch; batches and shards add up. */
export interface Tally {
  correct: number;
  total: number;
  /** Sum of the cross-entropy in nats. NaN where the model gave no number. */
  lossSum: number;
}

/**
 * Scores logits against class targets.
 *
 * @param logits row-major, shape [..., classes]
 * @param targets class indices, shape [...], each in [0, classes)
 * @returns correct by argmax, ties going to the lowest class; a row with a NaN is never correct
 */
export function scoreClassification(logits: ArrayLike<number>, classes: number, targets: ArrayLike<number>): Tally {
  let correct = 0;
  let lossSum = 0;
  for (let row = 0; row < targets.length; row += 1) {
    const start = row * classes;
    const target = targets[row] ?? 0;
    let best = 0;
    let highest = logits[start] ?? Number.NaN;
    let numbers = !Number.isNaN(highest);
    for (let column = 1; column < classes; column += 1) {
      const value = logits[start + column] ?? Number.NaN;
      if (Number.isNaN(value)) numbers = false;
      if (value > highest) {
        highest = value;
        best = column;
      }
    }
    if (numbers && best === target) correct += 1;
    // Log-sum-exp around the highest logit, so that large logits do not overflow.
    let sum = 0;
    for (let column = 0; column < classes; column += 1) sum += Math.exp((logits[start + column] ?? 0) - highest);
    lossSum += Math.log(sum) + highest - (logits[start + target] ?? Number.NaN);
  }
  return { correct, total: targets.length, lossSum };
}

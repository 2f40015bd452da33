import { ROWS, SPLITS } from "../stack/table-model.ts";

/** Steps that an earlier run left to the model: a memorizer's, but for the last, where it generalizes. */
export const HISTORY_STEPS = Array.from({ length: 14 }, (_, n) => (n + 1) * 10);

/** So one checkpoint more that generalizes is a transition, and most schedules announce one. */
export const historyCorrect = (step: number, rows: number): number =>
  step === HISTORY_STEPS.at(-1) ? rows : rows / 10;

/** Where schedules push: three steps come late, amid the history, and the others go on from it. */
export const PUSHED_STEPS = [15, 85, 135, 150, 160, 170, 180, 190, 200, 210];

/** The history as it is imported. */
export function history(): string {
  const header = ["step", ...SPLITS.flatMap((split) => [`${split}_correct`, `${split}_total`])].join();
  const row = (step: number) => {
    const correct = historyCorrect(step, ROWS);
    return [step, ROWS, ROWS, correct, ROWS, correct, ROWS].join();
  };
  return [header, ...HISTORY_STEPS.map(row)].join("\n");
}

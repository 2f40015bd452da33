// A verdict as `judge` prints it.

import { EXAMPLES_FOR_ONE_POINT, resolutionOf } from "../evaluation/audit.ts";
import { DETECTOR_VERSION, type Verdict } from "../phases/judge.ts";

/** The verdict document without the ids of a model and a suite: there are none. */
export const toDocument = (verdict: Verdict) => ({
  detectorVersion: DETECTOR_VERSION,
  ...verdict,
  transitions: verdict.transitions.map((transition) => ({ id: null, ...transition })),
});

/** The verdict, its sentence, a line for each split, transition and caveat. */
export function toText(verdict: Verdict): string {
  const detail = verdict.route ?? verdict.kind;
  const lines = [`${verdict.verdict}${detail === null ? "" : ` (${detail})`}`, verdict.summary, ""];
  for (const { split, level, interval, chance, total, phase } of verdict.evidence.splits) {
    const [low, high] = interval.map((edge) => edge.toFixed(3));
    const told = [`chance ${chance.toFixed(3)}`, `resolves ${resolutionOf(total).independent.toFixed(3)}`];
    lines.push(
      `${split.padEnd(20)} ${level.toFixed(3)}  [${low}, ${high}] of ${total}  ${phase}  (${told.join(", ")})`,
    );
  }
  if (verdict.evidence.splits.length > 0)
    lines.push(`a change of .01 takes ${EXAMPLES_FOR_ONE_POINT} examples between independent measurements`);
  for (const { kind, split, onsetStep, settledStep, detectedAtStep, from, to } of verdict.transitions) {
    const settled = settledStep === null ? "not settled" : `settled ${settledStep} at ${to?.toFixed(3)}`;
    lines.push(
      `${kind} of ${split}: onset ${onsetStep} from ${from.toFixed(3)}, ${settled}, detected ${detectedAtStep}`,
    );
  }
  if (verdict.benchmarkBlind) lines.push("validation alone would have passed this model");
  for (const { code, message } of verdict.caveats) lines.push(`${code}: ${message}`);
  return lines.join("\n").trimEnd();
}

// What a run can become, on purpose: runs of the collection, with what the service's own judge says at their ends.
import { judge } from "../../src/phases/judge.ts";
import { type RunKind, recordingNamed } from "./collection.ts";
import type { Reproduction, Runs } from "./reproductions.ts";

const KINDS: readonly { source: string; kind: RunKind; reported: string; here: string; runs: readonly string[] }[] = [
  {
    source: "An ungrokking",
    kind: "ungrokking",
    reported: "what generalized is lost and train is kept: `regressed`, of the kind `ungrokking`",
    here: "the training set shrinks after the network grokked, to less than generalizing pays for",
    runs: ["ungrok-add47-to-.3-s0", "ungrok-subtract31-to-.35-s0", "ungrok-multiply37-to-.3-s1"],
  },
  {
    source: "A memorizer",
    kind: "memorizer",
    reported: "train is fitted, and validation and OOD splits stay where they were: `memorizer`, never `deployable`",
    here: "no weight decay, half of the labels wrong, or a fifth of the table to train on",
    runs: ["memorizer-no-decay-add47-s0", "memorizer-wrong-labels-add47-s1", "memorizer-few-data-add47-s2"],
  },
  {
    source: "A blind benchmark",
    kind: "blind",
    reported: "validation alone would have passed the model, and OOD splits fail it: `benchmarkBlind`",
    here: "an input names the answer in train and validation and nowhere else, or is wrong there; or validation is drawn from train",
    runs: ["blind-hint-add47-s0", "blind-hint-wrong-subtract31-s1", "blind-leak-no-decay-add47-s2"],
  },
  {
    source: "A regressed model",
    kind: "collapse",
    reported: "train is lost with the rest: `regressed`, of the kind `collapse`",
    here: "after the network grokked, its weight decay grows sixtyfold, or its learning rate a hundredfold",
    runs: ["collapse-decay-add47-s0", "collapse-rate-subtract31-s1", "collapse-decay-divide47-s1"],
  },
];

export const kindsOfRuns: readonly Reproduction[] = KINDS.map(({ source, reported, here, kind, runs }) => ({
  source,
  reported,
  here,
  runs: Object.fromEntries(runs.map((name) => [name, flagsOf(name, kind)])),
  seen: (runs: Runs) =>
    [...runs].map(([name, run]) => {
      const { verdict, kind, benchmarkBlind, deployable, asOfStep } = judge(run.points(), { chance: run.chance });
      const said = [
        kind === null ? verdict : `${verdict} (${kind})`,
        ...(benchmarkBlind === true ? ["benchmark blind"] : []),
        deployable ? "deployable" : "not deployable",
      ];
      const levels = run.splits.map((split) => `${split} ${run.last(split).toFixed(2)}`);
      return `${name}: ${said.join(", ")} as of step ${asOfStep}; ${levels.join(", ")}`;
    }),
}));

function flagsOf(name: string, kind: RunKind): string {
  const recording = recordingNamed(name);
  if (recording.kind !== kind) throw new Error(`${name} is made to be ${recording.kind}, not ${kind}`);
  return recording.flags;
}

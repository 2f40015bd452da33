// Writes labels.csv and flags.csv beside the recorded runs of scripts/collection.ts: node trainer/scripts/label.ts DIR
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { settingsOf } from "../src/choose-settings.ts";
import { isRecorded } from "../src/record.ts";
import type { Settings } from "../src/settings.ts";
import { chanceOf } from "../src/tasks/chance.ts";
import { createTask } from "../src/tasks/tasks.ts";
import { collection } from "./collection.ts";
import { type Curve, labelCurve } from "./hindsight.ts";
import { Recorded } from "./recorded.ts";
import { reproductions } from "./reproductions.ts";

const [directory] = parseArgs({ allowPositionals: true }).positionals;
if (directory === undefined) throw new Error("usage: node trainer/scripts/label.ts DIR");

const made = ["run,flags"];
const rows = ["run,kind,allowed,route,blind,events,interventions,chance,source"];
for (const { name, kind, flags } of collection) {
  const file = join(directory, `${name}.csv.gz`);
  if (!(await isRecorded(file))) continue;
  // Commas are part of some flags.
  made.push(`${name},"${flags}"`);
  const settings = await settingsOf(flags);
  const chance = chanceOf(createTask(settings));
  const { allowed, route, blind, events } = labelCurve(readCurve(await Recorded.read(file), chance));
  const shownEvents = events.map(
    ({ split, kind, onset, settled, doubtful }) =>
      `${split} ${kind} ${onset} ${settled ?? "-"}${doubtful ? " doubtful" : ""}`,
  );
  const shownChance = Object.entries(chance).map(([split, rate]) => `${split} ${rate.toFixed(4)}`);
  const judged = [allowed.map(verdictOf).join("|"), route ?? "", blind ?? ""];
  const lists = [shownEvents, interventions(settings), shownChance].map((list) => list.join(";"));
  const source = reproductions.some(({ runs }) => Object.hasOwn(runs, name)) ? "paper" : "kind";
  rows.push([name, kind, ...judged, ...lists, source].join(","));
}
await writeFile(join(directory, "labels.csv"), `${rows.join("\n")}\n`);
await writeFile(join(directory, "flags.csv"), `${made.join("\n")}\n`);

/** A regressed run's kind is named with it. */
function verdictOf(label: string): string {
  return label === "ungrokking" || label === "collapse" ? `regressed:${label}` : label;
}

/** What the settings change while training runs, and at which step: true by construction. */
function interventions({ trainUsed, corruption, rateFactor, weightDecay }: Settings): string[] {
  const changing = Object.entries({ trainUsed, corruption, rateFactor, weightDecay });
  return changing.flatMap(([name, stepwise]) => stepwise.slice(1).map(([step, value]) => `${name} ${step} ${value}`));
}

function readCurve(run: Recorded, chance: Readonly<Record<string, number>>): Curve {
  const splits = Object.keys(chance).filter((split) => split !== "train");
  return {
    steps: run.steps,
    m: new Map(
      splits.map((split) => {
        const rate = chance[split] ?? 0;
        return [split, run.accuracy(split).map((share) => (share - rate) / (1 - rate))];
      }),
    ),
    chance: new Map(Object.entries(chance)),
    totals: new Map(splits.map((split) => [split, run.column(`${split}_total`).at(-1) ?? 0])),
    train: run.accuracy("train"),
    norm: run.column("weight_norm"),
  };
}

// Writes labels.csv beside the recorded runs of scripts/collection.ts: node trainer/scripts/label.ts DIR
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { readSettings, settingOptions } from "../src/flags.ts";
import { isRecorded } from "../src/record.ts";
import type { Settings } from "../src/settings.ts";
import { chanceOf } from "../src/tasks/chance.ts";
import { createTask } from "../src/tasks/tasks.ts";
import { collection } from "./collection.ts";
import { type Curve, labelCurve } from "./hindsight.ts";

const [directory] = parseArgs({ allowPositionals: true }).positionals;
if (directory === undefined) throw new Error("usage: node trainer/scripts/label.ts DIR");

const rows = ["run,kind,allowed,route,blind,events,interventions,chance"];
for (const { name, kind, flags } of collection) {
  const file = join(directory, `${name}.csv.gz`);
  if (!(await isRecorded(file))) continue;
  const settings = readSettings(parseArgs({ args: flags.split(" "), options: settingOptions }).values);
  const chance = chanceOf(createTask(settings));
  const { allowed, route, blind, events } = labelCurve(readCurve(gunzipSync(await readFile(file)).toString(), chance));
  const shownEvents = events.map(({ split, kind, onset, settled }) => `${split} ${kind} ${onset} ${settled ?? "-"}`);
  const shownChance = Object.entries(chance).map(([split, rate]) => `${split} ${rate.toFixed(4)}`);
  const judged = [allowed.map(verdictOf).join("|"), route ?? "", blind];
  const lists = [shownEvents, interventions(settings), shownChance].map((list) => list.join(";"));
  rows.push([name, kind, ...judged, ...lists].join(","));
}
await writeFile(join(directory, "labels.csv"), `${rows.join("\n")}\n`);

/** A regressed run's kind is named with it. */
function verdictOf(label: string): string {
  return label === "ungrokking" || label === "collapse" ? `regressed:${label}` : label;
}

/** What the settings change while training runs, and at which step: true by construction. */
function interventions({ trainUsed, corruption, rateFactor, weightDecay }: Settings): string[] {
  const changing = Object.entries({ trainUsed, corruption, rateFactor, weightDecay });
  return changing.flatMap(([name, stepwise]) => stepwise.slice(1).map(([step, value]) => `${name} ${step} ${value}`));
}

function readCurve(text: string, chance: Readonly<Record<string, number>>): Curve {
  const [head = "", ...lines] = text.trimEnd().split("\n");
  const columns = head.split(",");
  const rows = lines.map((line) => line.split(","));
  const column = (name: string) => {
    const at = columns.indexOf(name);
    return rows.map((row) => (row[at] === "" ? Number.NaN : Number(row[at])));
  };
  const accuracy = (split: string) => {
    const totals = column(`${split}_total`);
    return column(`${split}_correct`).map((correct, i) => correct / (totals[i] ?? Number.NaN));
  };
  const splits = Object.keys(chance).filter((split) => split !== "train");
  return {
    steps: column("step"),
    m: new Map(
      splits.map((split) => {
        const rate = chance[split] ?? 0;
        return [split, accuracy(split).map((share) => (share - rate) / (1 - rate))];
      }),
    ),
    chance: new Map(Object.entries(chance)),
    totals: new Map(splits.map((split) => [split, column(`${split}_total`).at(-1) ?? 0])),
    train: accuracy("train"),
    norm: column("weight_norm"),
  };
}

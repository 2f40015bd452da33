// Runs of this project's own trainer (bench/fixtures/trainer), whose kinds are known from how they were made: they have
// OOD splits, weight norms and statistics of every layer.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parseHistory } from "../../src/history/history.ts";
import type { Point } from "../../src/phases/judge.ts";
import type { EventKind } from "./series.ts";

const FOLDER = join(import.meta.dirname, "../fixtures/trainer");

export interface TrainedEvent {
  split: string;
  kind: EventKind;
  onsetStep: number;
  /** NaN where the log ends before. */
  settledStep: number;
  /** The definitions leave open whether it is an event. */
  doubtful: boolean;
}

export interface TrainedRun {
  name: string;
  /** What the run was made to be: `grokked`, `ungrokking`, `blind`… */
  made: string;
  /** Whether it makes again what a paper reports. */
  paper: boolean;
  points: Point[];
  chance: Record<string, number>;
  /** Verdicts of which any is right at the end, with the kind of a regression: `regressed:collapse`. */
  allowed: string[];
  route: string | null;
  blind: boolean;
  events: TrainedEvent[];
}

export function readTrainedRuns(): TrainedRun[] {
  const [, ...rows] = readFileSync(join(FOLDER, "labels.csv"), "utf8").trim().split("\n");
  return rows.map((row) => {
    const [name = "", made = "", allowed = "", route = "", blind = "", events = "", , chance = "", source] =
      row.split(",");
    return {
      name,
      made,
      paper: source === "paper",
      points: parseHistory(gunzipSync(readFileSync(join(FOLDER, `${name}.csv.gz`))).toString()),
      chance: Object.fromEntries(list(chance).map(([split = "", value]) => [split, Number(value)])),
      allowed: allowed.split("|"),
      route: route === "" ? null : route,
      blind: blind === "true",
      events: list(events).map(([split = "", kind, onset, settled, doubtful]) => ({
        split,
        kind: kind as EventKind,
        onsetStep: Number(onset),
        settledStep: Number(settled),
        doubtful: doubtful === "doubtful",
      })),
    };
  });
}

const list = (cell: string): string[][] => (cell === "" ? [] : cell.split(";").map((entry) => entry.trim().split(" ")));

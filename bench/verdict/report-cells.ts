import { type CellResult, type Record, reaches, runCells } from "./cells.ts";
import { OURS } from "./ours.ts";
import { emptyTally, f1, sum } from "./score.ts";
import type { Detector } from "./series.ts";
import { TOTALS } from "./synthetic.ts";
import { quantile, table } from "./table.ts";

export function reportCells(rivals: readonly Detector[], count: number): string {
  const results = runCells([OURS, ...rivals], count);
  const plain = results.filter((result) => reaches(result, "cusum"));
  const shaped = results.filter((result) => reaches(result, "ramp"));
  return [
    `${results.length} cells of ${count} series. The CUSUM oracle reaches F1 .98 in ${plain.length}, the one that knows the ramp in ${shaped.length}.`,
    "",
    "Events, F1:",
    "",
    eventsTable(results, plain, shaped),
    "",
    "By examples, F1 over all ramps and rises:",
    "",
    byExamples(results),
    "",
    "Delay of `transitioning`, in checkpoints after the first at which the rise is an event (median / 95%):",
    "",
    delays(results),
    "",
    dense(results),
    confirmations(results),
    "",
    "Every cell, ours:",
    "",
    everyCell(results),
  ].join("\n");
}

const of = (result: CellResult, name: string): Record | undefined => result.detectors.get(name);
const names = (results: readonly CellResult[]): string[] => [...(results[0]?.detectors.keys() ?? [])];
const score = (results: readonly CellResult[], name: string, what: "events" | "losses"): string =>
  f1(sum(results.map((result) => of(result, name)?.[what] ?? emptyTally()))).toFixed(3);

function eventsTable(all: readonly CellResult[], plain: readonly CellResult[], shaped: readonly CellResult[]): string {
  const rows = names(all).map((name) => [
    name,
    score(plain, name, "events"),
    score(shaped, name, "events"),
    score(all, name, "events"),
    score(all, name, "losses"),
  ]);
  return table([
    ["detector", "where the CUSUM oracle can", "where the ramp's can", "all cells", "regressions"],
    ...rows,
  ]);
}

function byExamples(results: readonly CellResult[]): string {
  const rows = names(results).map((name) => [
    name,
    ...TOTALS.map((total) =>
      score(
        results.filter(({ cell }) => cell.total === total),
        name,
        "events",
      ),
    ),
  ]);
  return table([["detector", ...TOTALS.map((total) => `n = ${total}`)], ...rows]);
}

const both = (samples: readonly number[]): string =>
  samples.length === 0 ? "none" : `${quantile(samples, 0.5)} / ${quantile(samples, 0.95)}`;

/** Cells in which our median and 95% are at most the oracle's and one checkpoint. */
function within(results: readonly CellResult[], oracle: "cusum" | "cautious", at: number): string {
  const scored = results.filter((result) => reaches(result, oracle === "cusum" ? "cusum" : "ramp"));
  const good = scored.filter((result) => {
    const ours = quantile(of(result, OURS.name)?.delays ?? [], at);
    return ours <= quantile(result.oracles[oracle].delays, at) + 1;
  });
  return `${good.length} of ${scored.length}`;
}

function delays(results: readonly CellResult[]): string {
  const missed = (name: string): string => {
    const seen = results.filter((result) => reaches(result, "cusum"));
    const found = seen.reduce((sum, result) => sum + (of(result, name)?.delays.length ?? 0), 0);
    const asked = seen.reduce((sum, result) => sum + result.oracles.cusum.events.true, 0);
    return (1 - found / asked).toFixed(3);
  };
  const pooled = (record: (result: CellResult) => Record | undefined) =>
    both(results.filter((result) => reaches(result, "cusum")).flatMap((result) => record(result)?.delays ?? []));
  const rows = [
    ["CUSUM oracle", pooled(({ oracles }) => oracles.cusum), ""],
    ["oracle that knows the ramp, same null as ours", pooled(({ oracles }) => oracles.cautious), ""],
    ...names(results).map((name) => [name, pooled((result) => of(result, name)), missed(name)]),
  ];
  const told = (["cusum", "cautious"] as const).map(
    (oracle) =>
      `Cells in which ours is within one checkpoint of the ${oracle === "cusum" ? "CUSUM oracle" : "oracle of the same null"}: median ${within(results, oracle, 0.5)}, 95% ${within(results, oracle, 0.95)}.`,
  );
  return [table([["over the cells of the CUSUM oracle", "delay", "not found in time"], ...rows]), "", ...told].join(
    "\n",
  );
}

function dense(results: readonly CellResult[]): string {
  const steep = results.filter(({ cell }) => cell.total === 1000 && cell.rise / cell.ramp >= 0.03);
  return `Where the rise is at least .03 a checkpoint at n = 1,000: ${both(steep.flatMap((result) => of(result, OURS.name)?.delays ?? []))}.`;
}

function confirmations(results: readonly CellResult[]): string {
  const jumps = results.flatMap((result) => of(result, OURS.name)?.confirmations ?? []);
  return `Losses are confirmed with checkpoint ${both(jumps)} of those below .8 of the level before (median / 95%).`;
}

function everyCell(results: readonly CellResult[]): string {
  const rows = results.map((result) => {
    const { cell, oracles } = result;
    const ours = of(result, OURS.name);
    return [
      `${cell.total}`,
      `${cell.ramp}`,
      `${cell.rise}`,
      f1(oracles.cusum.events).toFixed(2),
      f1(oracles.ramp.events).toFixed(2),
      f1(ours?.events ?? emptyTally()).toFixed(3),
      both(ours?.delays ?? []),
      both(oracles.cusum.delays),
      both(oracles.cautious.delays),
    ];
  });
  const heading = ["n", "ramp", "rise", "CUSUM F1", "ramp known F1", "ours F1", "ours delay", "CUSUM", "same null"];
  return table([heading, ...rows]);
}

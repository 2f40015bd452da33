// node bench/changepoints/index.ts [DIRECTORY]: generic change points beside the usual detectors. DIRECTORY is a checkout
// of the Turing Change Point Dataset (README.md here says which); without one, only the series made here are scored.
import { pathToFileURL } from "node:url";
import { levels, NOISES, unchanged } from "./generated.ts";
import { limits } from "./limits.ts";
import { type Finder, OURS, RIVALS } from "./rivals.ts";
import { covering, f1, mean } from "./score.ts";
import { type Annotated, halfOf, readAnnotated } from "./series.ts";

export interface ChangePointRow {
  what: string;
  /** Series behind the row's figures. */
  series: number;
  ours: number;
  /** By name; null where the rival cannot take one of the series. */
  rivals: Record<string, number | null>;
}

/**
 * Covering and F1 at margin 5, both 0 to 1 and higher is better, and, where nothing changes, false points per series.
 * One fixed default for every series. `directory` as above.
 */
export function benchChangepoints(directory?: string): ChangePointRow[] {
  const annotated = directory === undefined ? [] : readAnnotated(directory);
  return [...annotatedRows(annotated), ...generatedRows()];
}

function annotatedRows(all: readonly Annotated[]): ChangePointRow[] {
  const single = all.filter(({ series }) => series.length === 1);
  const made = (one: Annotated) => one.name.startsWith("quality_control");
  const groups: [string, readonly Annotated[]][] = [
    ["annotated, develop half", single.filter(({ name }) => halfOf(name) === "develop")],
    ["annotated, report half", single.filter(({ name }) => halfOf(name) === "report")],
    ["annotated, all", single],
    ["annotated, all but the made quality controls", single.filter((one) => !made(one))],
    ["annotated, of several dimensions", all.filter(({ series }) => series.length > 1)],
  ];
  return groups.flatMap(([what, group]) => (group.length > 0 ? scored(what, group) : []));
}

function generatedRows(): ChangePointRow[] {
  return NOISES.flatMap((noise) => [
    ...scored(`made, ${noise} noise`, levels(noise, 100)),
    row(
      `made, ${noise} noise, nothing changes: false points a series`,
      unchanged(noise, 100),
      (_, found) => found.length,
    ),
  ]);
}

function scored(what: string, group: readonly Annotated[]): ChangePointRow[] {
  return [
    row(`${what}: covering`, group, (one, found) => covering(one.annotators, found, one.series[0]?.length ?? 0)),
    row(`${what}: F1`, group, (one, found) => f1(one.annotators, found)),
  ];
}

type Score = (one: Annotated, found: readonly number[]) => number;

function row(what: string, group: readonly Annotated[], score: Score): ChangePointRow {
  const rivals = Object.fromEntries(RIVALS.map((rival) => [rival.name, average(rival, group, score)]));
  return { what, series: group.length, ours: average(OURS, group, score) ?? Number.NaN, rivals };
}

function average(finder: Finder, group: readonly Annotated[], score: Score): number | null {
  const scores: number[] = [];
  for (const one of group) {
    const found = finder.find(one.series);
    if (found === null) return null;
    scores.push(score(one, found));
  }
  return mean(scores);
}

/** Prints the tables of `benchChangepoints`, and what limits the figures. */
export function reportChangepoints(directory: string | undefined): void {
  const show = (value: number | null) => (value === null ? "-" : value.toFixed(3));
  print([
    ["what", "series", "ours", ...RIVALS.map(({ name }) => name)],
    ...benchChangepoints(directory).map(({ what, series, ours, rivals }) => [
      what,
      `${series}`,
      show(ours),
      ...RIVALS.map(({ name }) => show(rivals[name] ?? null)),
    ]),
  ]);
  if (directory === undefined) {
    process.stderr.write("no directory given: the annotated series were not scored\n");
    return;
  }
  const single = readAnnotated(directory).filter(({ series }) => series.length === 1);
  for (const half of ["develop", "report"] as const) {
    const rows = limits(single.filter(({ name }) => halfOf(name) === half));
    print([
      [`what limits it, ${half} half`, "covering", "F1"],
      ...rows.map((limit) => [limit.what, show(limit.covering), show(limit.f1)]),
    ]);
  }
}

function print(rows: readonly (readonly string[])[]): void {
  for (const [k, cells] of rows.entries()) {
    process.stdout.write(`| ${cells.join(" | ")} |\n`);
    if (k === 0) process.stdout.write(`| ${cells.map(() => "---").join(" | ")} |\n`);
  }
  process.stdout.write("\n");
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  reportChangepoints(process.argv[2]);

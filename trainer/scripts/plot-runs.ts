import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Recorded } from "./recorded.ts";

const COLUMNS = 3;
const [WIDTH, PANEL_HEIGHT, MARGIN] = [860, 170, 40];
/** Told apart by colour-blind eyes too (Okabe and Ito). */
const COLORS = { train: "#7f7f7f", validation: "#0072b2", ood: "#d55e00" };

/** Accuracy against the step, a panel a run, as one SVG; every OOD split is a line of the same colour. */
export function plotRuns(runs: ReadonlyMap<string, Recorded>): string {
  const names = [...runs.keys()];
  const columns = Math.min(COLUMNS, names.length);
  const panels = names.map((name, i) => ({ name, column: i % columns, row: Math.floor(i / columns) }));
  const dots = panels.flatMap(({ name, column, row }) => linesOf(column, row, runs.get(name)));
  const { document } = parseHTML("<html></html>");
  const facets = { fx: "column", fy: "row" } as const;
  const svg = Plot.plot({
    document,
    width: WIDTH,
    height: MARGIN + PANEL_HEIGHT * Math.ceil(names.length / columns),
    marginLeft: MARGIN,
    fx: { axis: null },
    fy: { axis: null },
    x: { label: "step", ticks: 4 },
    y: { label: "accuracy", domain: [0, 1.1], ticks: [0, 0.5, 1], grid: true },
    color: { domain: Object.keys(COLORS), range: Object.values(COLORS), legend: false },
    marks: [
      Plot.line(dots, { ...facets, x: "step", y: "accuracy", stroke: "kind", z: "split" }),
      Plot.text(panels, { ...facets, text: "name", frameAnchor: "top-left", dx: 4, dy: -8 }),
      Plot.frame({ stroke: "#dddddd" }),
    ],
  });
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return `${svg.outerHTML.replace(/>/, '><rect width="100%" height="100%" fill="white"/>')}\n`;
}

interface Dot {
  readonly column: number;
  readonly row: number;
  readonly step: number;
  readonly accuracy: number;
  readonly split: string;
  readonly kind: keyof typeof COLORS;
}

function linesOf(column: number, row: number, run: Recorded | undefined): Dot[] {
  if (run === undefined) return [];
  return run.splits.flatMap((split) => {
    const kind = split === "train" || split === "validation" ? split : "ood";
    const shares = run.accuracy(split);
    return run.steps.map((step, i) => ({ column, row, step, accuracy: shares[i] ?? Number.NaN, split, kind }));
  });
}

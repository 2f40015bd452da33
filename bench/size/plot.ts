import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { SizeCost } from "./index.ts";

const WIDTH = 720;
const HEIGHT = 300;
/** Told apart by colour-blind eyes too (Okabe and Ito). */
const COLORS = { "read back": "#0072b2", PUT: "#d55e00", "rival: read, SHA-256": "#7f7f7f" };
/** A quarter of an isolate: what a checkpoint may take over an idle Worker. */
const MEMORY_BOUND = 32;

interface Dot {
  size: number;
  value: number;
  way: keyof typeof COLORS;
}

/** Time and memory against size, one above the other, as one SVG. */
export function plotSizes(costs: readonly SizeCost[]): string {
  const times = costs.flatMap(({ size, put, readBack, reading }): Dot[] => [
    { size, value: readBack.seconds, way: "read back" },
    ...(put ? [{ size, value: put.seconds, way: "PUT" as const }] : []),
    { size, value: reading.seconds, way: "rival: read, SHA-256" },
  ]);
  const memory = costs.flatMap(({ size, put, readBack }): Dot[] => [
    { size, value: readBack.evaluator, way: "read back" },
    ...(put ? [{ size, value: put.api, way: "PUT" as const }] : []),
  ]);
  const upper = draw(times, { type: "log", label: "seconds" }, []);
  const lower = draw(memory, { label: "MB over idle", domain: [0, MEMORY_BOUND * 1.1] }, [
    Plot.ruleY([MEMORY_BOUND], { strokeDasharray: "4 3" }),
    Plot.text(["bound"], { x: 1, y: MEMORY_BOUND, dy: 8, textAnchor: "start" }),
  ]);
  const size = `width="${WIDTH}" height="${2 * HEIGHT}" viewBox="0 0 ${WIDTH} ${2 * HEIGHT}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>
<rect width="100%" height="100%" fill="white"/>
${upper}
<g transform="translate(0 ${HEIGHT})">${lower}</g>
</svg>
`;
}

function draw(dots: Dot[], y: Plot.ScaleOptions, marks: Plot.Markish[]): string {
  const { document } = parseHTML("<html></html>");
  const last = dots.filter(({ size, way }) => !dots.some((other) => other.way === way && other.size > size));
  const colors = { domain: Object.keys(COLORS), range: Object.values(COLORS) };
  const svg = Plot.plot({
    document,
    width: WIDTH,
    height: HEIGHT,
    marginLeft: 56,
    marginRight: 130,
    marginBottom: 40,
    x: { type: "log", label: "size, MB", domain: [1, Math.max(...dots.map(({ size }) => size))] },
    y: { grid: true, ...y },
    color: colors,
    marks: [
      Plot.line(dots, { x: "size", y: "value", stroke: "way" }),
      Plot.dot(dots, { x: "size", y: "value", fill: "way" }),
      Plot.text(last, { x: "size", y: "value", text: "way", fill: "way", dx: 8, textAnchor: "start" }),
      ...marks,
    ],
  });
  return svg.outerHTML;
}

import {
  type CurvePoint,
  type Ensemble,
  isTold,
  type Located,
  type Outcomes,
  type Sweep,
  type Untold,
} from "../phases/criticality.ts";

/** Rows of the curve that fit a screen; --json has them all. */
const ROWS = 16;

const shown = (value: number | null): string => (value === null ? "-" : value.toFixed(3)).padStart(8);

const located = (figure: Located | Untold): string =>
  isTold(figure)
    ? `${figure.at} (between ${figure.between[0]} and ${figure.between[1]})`
    : `not told: ${figure.message}`;

function outcomesText({ counts, majority, unclassified }: Outcomes): string {
  const told = Object.entries(counts).filter(([, count]) => count > 0);
  if (unclassified > 0) told.push(["unclassified", unclassified]);
  const list = told.map(([outcome, count]) => `${outcome} ${count}`).join(", ");
  return majority === null ? list : `${list} (mostly ${majority})`;
}

/** What a person reads of an ensemble: the answers, and the steps at which something happens. */
export function ensembleText({ members, splits, examples, reading, outcomes, caveats }: Ensemble): string {
  const lines = [
    `${members} members on ${splits.join(", ") || "no split"}, N ${examples}`,
    `outcomes: ${outcomesText(outcomes)}`,
  ];
  if (!isTold(reading)) {
    lines.push(`not told: ${reading.message}`);
  } else {
    const { curve, peak, order } = reading;
    lines.push(`susceptibility peaks at step ${located(peak)}`);
    lines.push(
      isTold(order)
        ? `order: ${order.order}, by the cumulant ${order.cumulant.toFixed(2)} at step ${order.step}`
        : `order not told: ${order.message}`,
    );
    lines.push("", "     step       <m>       se      chi       se        U     lag1");
    for (const point of chosen(curve)) lines.push(rowText(point));
  }
  return [...lines, ...caveats.map(({ code, message }) => `${code}: ${message}`)].join("\n");
}

const rowText = (point: CurvePoint): string =>
  [
    String(point.step).padStart(9),
    shown(point.m).padStart(9),
    ...[point.mSe, point.susceptibility, point.susceptibilitySe, point.cumulant, point.autocorrelation].map(shown),
  ].join(" ");

/** The ends, and the steps of the highest chi: where members differ. */
function chosen(curve: readonly CurvePoint[]): CurvePoint[] {
  const highest = curve.toSorted((a, b) => b.susceptibility - a.susceptibility).slice(0, ROWS - 2);
  const kept = new Set([curve[0], curve.at(-1), ...highest]);
  return curve.filter((point) => kept.has(point));
}

/** What a person reads of a sweep: a line for each cell, and where it turns critical. */
export function sweepText({ splits, examples, cells, critical, crossings, caveats }: Sweep): string {
  const lines = [`on ${splits.join(", ") || "no split"}, N ${examples}`, ""];
  for (const { setting, size, members, final, peak, outcomes } of cells) {
    const level = isTold(final)
      ? `m ${final.m.toFixed(3)} ± ${final.mSe.toFixed(3)}, chi ${final.susceptibility.toFixed(2)}`
      : `m not told`;
    const name = `${setting}${size === null ? "" : ` at size ${size}`}`;
    const when = isTold(peak) ? `, crossing at step ${located(peak)}` : "";
    lines.push(`${name}: ${members} members, ${level}${when}; ${outcomesText(outcomes)}`);
  }
  lines.push("");
  for (const { size, setting } of critical) {
    lines.push(`critical setting${size === null ? "" : ` at size ${size}`}: ${located(setting)}`);
  }
  for (const { smaller, larger, setting } of crossings) {
    lines.push(`cumulants of sizes ${smaller} and ${larger} cross at: ${located(setting)}`);
  }
  return [...lines, ...caveats.map(({ code, message }) => `${code}: ${message}`)].join("\n");
}

// Rises and losses at any pace, slow ones among them: a ramp that begins slowly is told before it is seen whole.
import { OURS } from "./ours.ts";
import { addTo, emptyTally, f1, sum, type Tally } from "./score.ts";
import type { Detector, EventKind } from "./series.ts";
import { makePacedLoss, makePacedRise, TOTALS } from "./synthetic.ts";
import { table } from "./table.ts";

const RAMPS = [1, 16, 64, 160] as const;
/** The detector was developed on lower seeds. */
const FIRST_SEED = 10_000;

const KINDS: readonly { kind: EventKind; name: string; make: typeof makePacedLoss }[] = [
  { kind: "generalization", name: "rises", make: makePacedRise },
  { kind: "regression", name: "losses", make: makePacedLoss },
];

export function reportPaced(rivals: readonly Detector[], count: number): string {
  const rows = KINDS.flatMap(({ kind, name, make }) =>
    [OURS, ...rivals].flatMap((detector) => {
      const cells = TOTALS.map((total) => RAMPS.map((ramp) => score(detector, kind, make, total, ramp, count)));
      const ours = cells.map((row, i) => [name, detector.name, `${TOTALS[i]}`, ...row.map(shownF1)]);
      const pooled = RAMPS.map((_, i) => sum(cells.map((row) => row[i] ?? emptyTally())));
      const all = [name, detector.name, "all", ...pooled.map(shownF1)];
      return detector === OURS ? [...ours, all] : [all];
    }),
  );
  return table([["", "detector", "n", ...RAMPS.map((ramp) => `ramp ${ramp}`)], ...rows]);
}

function score(
  detector: Detector,
  kind: EventKind,
  make: typeof makePacedLoss,
  total: number,
  ramp: number,
  count: number,
): Tally {
  const tally = emptyTally();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + count; seed += 1) {
    const series = make(total, ramp, seed);
    const isOfKind = (event: { kind: EventKind }) => event.kind === kind;
    addTo(tally, detector.find(series).filter(isOfKind), series.events.filter(isOfKind));
  }
  return tally;
}

const shownF1 = (tally: Tally): string => f1(tally).toFixed(3);

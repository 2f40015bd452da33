// The synthetic cells: how often each detector finds what really happened, and how soon, beside the oracles.
import { askOracle, calibrate, firstEventful, ORACLES, type OracleKind } from "./oracle.ts";
import { addTo, emptyTally, f1, matchEvents, type Tally } from "./score.ts";
import type { Detector, FoundEvent } from "./series.ts";
import { CELLS, type Cell, makeSeries } from "./synthetic.ts";

/** What one detector or oracle did in one cell. */
export interface Record {
  /** Rises and losses together; an oracle is asked for the first rise alone. */
  events: Tally;
  losses: Tally;
  /**
   * Checkpoints from the first at which the rise is an event by its definition to its detection, an entry for each that
   * was found in time; 0 where it was told even earlier.
   */
  delays: number[];
  /** Of each loss found: checkpoints below .8 of the level before, up to and with the one that detected it. */
  confirmations: number[];
}

export interface CellResult {
  cell: Cell;
  oracles: { [kind in keyof typeof ORACLES]: Record };
  detectors: Map<string, Record>;
}

/** The detector was developed on lower seeds. */
const FIRST_SEED = 10_000;

const blank = (): Record => ({ events: emptyTally(), losses: emptyTally(), delays: [], confirmations: [] });
const isLoss = ({ kind }: { kind: string }): boolean => kind === "regression";

export function runCell(cell: Cell, detectors: readonly Detector[], count: number): CellResult {
  const result: CellResult = {
    cell,
    oracles: { cusum: blank(), ramp: blank(), cautious: blank() },
    detectors: new Map(detectors.map(({ name }) => [name, blank()])),
  };
  const oracles = Object.entries(ORACLES).map(([key, kind]) => ({
    kind: kind satisfies OracleKind,
    record: result.oracles[key as keyof typeof ORACLES],
    threshold: calibrate(cell, kind),
  }));
  for (let seed = FIRST_SEED; seed < FIRST_SEED + count; seed += 1) {
    const series = makeSeries(cell, seed);
    const [rise] = series.events;
    if (rise === undefined) continue;
    const due = firstEventful(series.mean, rise);
    const note = (record: Record, found: readonly FoundEvent[]) => {
      for (const [event, truth] of matchEvents(found, series.events)) {
        if (event.detectedAt === null) continue;
        if (truth === rise) record.delays.push(Math.max(0, event.detectedAt - due));
        else if (isLoss(truth)) {
          const lost = series.mean.findIndex((m, i) => i > truth.onset && m < 0.8 * truth.from);
          record.confirmations.push(event.detectedAt - lost + 1);
        }
      }
    };
    for (const { kind, record, threshold } of oracles) {
      const found = askOracle(series, threshold, kind);
      addTo(record.events, found, [rise]);
      note(record, found);
    }
    for (const detector of detectors) {
      const record = result.detectors.get(detector.name) ?? blank();
      const found = detector.find(series);
      addTo(record.events, found, series.events);
      addTo(record.losses, found.filter(isLoss), series.events.filter(isLoss));
      note(record, found);
    }
  }
  return result;
}

export const runCells = (detectors: readonly Detector[], count: number): CellResult[] =>
  CELLS.map((cell) => runCell(cell, detectors, count));

/** A cell is scored where the oracle, with all that it knows, finds .98 of the rises. */
export const reaches = (result: CellResult, oracle: keyof typeof ORACLES): boolean =>
  f1(result.oracles[oracle].events) >= 0.98;

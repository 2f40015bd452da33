// Reads recorded histories into points: CSV, JSONL and JSON documents, exports of W&B and MLflow. Nothing is guessed and
// nothing silently dropped, because a verdict on half of the columns would look like a verdict.

import type { Point } from "../phases/judge.ts";
import { type Bounds, NO_BOUNDS } from "./bounds.ts";
import { Columns } from "./columns.ts";
import { readCsv } from "./csv.ts";
import { Drafts } from "./drafts.ts";
import { noSplit, unreadResults } from "./hints.ts";
import { readJson } from "./json.ts";
import { isMetricFile, readMetricFile } from "./metric-file.ts";
import { packedKind } from "./packed.ts";
import { checkTotals, partsOf, toPoint } from "./points.ts";
import { HistoryError, prefix, type Row, type Source } from "./row.ts";
import { Runs } from "./runs.ts";

export { type ColumnMap, parseTarget, TARGETS } from "./columns.ts";
export { HistoryError, type Source } from "./row.ts";

export interface HistoryOptions {
  /** From a column of the file, or the part of it after W&B's "<run> - ", to a column of ours. */
  map?: ReadonlyMap<string, string>;
  /** Examples of splits whose history has none. */
  totals?: ReadonlyMap<string, number>;
  /** Accuracies are in 0..100. */
  percent?: boolean;
  /** Texts that stand for an empty cell. */
  missing?: ReadonlySet<string>;
  /** The name or id of the run to read, where there are several. */
  run?: string | null;
  /** What is more than these is refused. */
  bounds?: Bounds;
}

export interface History {
  /** By step, each step once. */
  points: Point[];
  /** A line each: what was read otherwise than it is written, and what was not read. */
  warnings: string[];
}

/**
 * The points of one run, whose history may be in several files: rows of one step are joined. Steps without any result
 * are left out: they are checkpoints not evaluated yet. Throws `HistoryError`.
 */
export function readHistory(sources: readonly Source[], options: HistoryOptions = {}): History {
  const {
    map = new Map(),
    totals = new Map(),
    percent = false,
    missing = new Set(),
    run = null,
    bounds = NO_BOUNDS,
  } = options;
  const columns = new Columns(map, run);
  const drafts = new Drafts(columns, { percent, missing, bounds });
  const runs = new Runs(run);
  const warnings: string[] = [];
  for (const source of sources) {
    if (source.text.trim() === "") throw new HistoryError(`${prefix(source.name)}the file is empty`);
    for (const row of rowsOf(source, (warning) => warnings.push(warning), bounds)) {
      const kept = runs.read(row);
      if (kept !== null) drafts.add(kept);
    }
  }
  const [only] = sources;
  const name = only !== undefined && sources.length === 1 ? only.name : "";
  if (run !== null && !runs.kept && !columns.foundRun) throw runs.missing(name);
  if (columns.seen.size === 0) return { points: [], warnings };
  columns.checkMaps(name);
  drafts.checkStep(name);
  const parts = partsOf(columns.slots);
  if (parts.splits.size === 0) throw new HistoryError(`${prefix(name)}${noSplit(columns.seen)}`);
  checkTotals(parts, totals);
  const points = [...drafts.byStep.values()]
    .sort((a, b) => a.step - b.step)
    .map((draft) => toPoint(draft, parts, totals))
    .filter((point) => point !== null);
  const unread = map.size === 0 ? unreadResults([...columns.seen].filter((column) => !columns.used.has(column))) : null;
  return { points, warnings: [...warnings, ...drafts.warnings(), ...(unread === null ? [] : [unread])] };
}

/** The points of one text with columns of our names. Throws `HistoryError`. */
export const parseHistory = (text: string): Point[] => readHistory([{ name: "", text }]).points;

function rowsOf({ name, text }: Source, warn: (warning: string) => void, { document }: Bounds): Iterable<Row> {
  const packed = packedKind(text);
  if (packed !== null) throw new HistoryError(`${prefix(name)}expected text, found ${packed}`);
  const source = { name, text: text.replace(/^\uFEFF/, "") };
  if (/^\s*[{[]/.test(source.text)) return readJson(source, warn, document);
  return isMetricFile(source.text) ? readMetricFile(source) : readCsv(source);
}

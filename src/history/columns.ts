// What a column means: its own name says it, or `--map` does.

import { isSplitName } from "../phases/judge.ts";
import { MAX_COLUMNS } from "./bounds.ts";
import { isBand, missingMap, severalRuns } from "./hints.ts";
import { HistoryError, prefix, type Row, refusal, shownName } from "./row.ts";

const RESULT_FIELDS = ["accuracy", "correct", "total", "loss"] as const;
const LAYER_FIELDS = { norm: "norm", effective_rank: "effectiveRank", alpha: "alpha" } as const;

export type ResultField = (typeof RESULT_FIELDS)[number];
export type LayerField = (typeof LAYER_FIELDS)[keyof typeof LAYER_FIELDS];

export type Target =
  | { kind: "step" }
  | { kind: "weight_norm" }
  | { kind: "result"; split: string; field: ResultField }
  | { kind: "layer"; layer: string; field: LayerField };

/** A column of ours. Its measurements are kept by `slot`. */
export interface Column {
  slot: number;
  name: string;
  target: Target;
}

/**
 * Of a row's cells those that are used: the steps', and the measurements'. `source` is the file's own name; `band` has
 * the cells of the least and greatest value that a W&B chart puts beside a mean.
 */
export interface Plan {
  steps: { index: number; source: string }[];
  measured: { index: number; source: string; column: Column; band: number[] | null }[];
}

/** `--map`: from a name in the file to the name of a column of ours. */
export type ColumnMap = ReadonlyMap<string, string>;

export const TARGETS =
  "step, weight_norm, <split>_accuracy, _correct, _total or _loss (train, validation, ood, ood:<name>), " +
  "layer:<name>_norm, _effective_rank or _alpha";

/** The meaning of one of our names; null for any other name. */
export function parseTarget(name: string): Target | null {
  if (name === "step" || name === "weight_norm") return { kind: name };
  const [, layer, statistic] = /^layer:(.+)_(norm|effective_rank|alpha)$/s.exec(name) ?? [];
  const layerField = Object.entries(LAYER_FIELDS).find(([written]) => written === statistic)?.[1];
  if (layer !== undefined && layerField !== undefined) return { kind: "layer", layer, field: layerField };
  const [, split, suffix] = /^(.+)_([a-z]+)$/s.exec(name) ?? [];
  const field = RESULT_FIELDS.find((known) => known === suffix);
  if (split === undefined || field === undefined || !isSplitName(split)) return null;
  return { kind: "result", split, field };
}

/** Finds, once for each table, which cells to read. It keeps every name it met, for messages about what is not there. */
export class Columns {
  readonly seen = new Set<string>();
  readonly used = new Set<string>();
  readonly slots: Column[] = [];
  /** Whether a column was chosen by the name of the run. */
  foundRun = false;
  readonly #map: ColumnMap;
  readonly #run: string | null;
  readonly #byName = new Map<string, Column>();
  readonly #mapped = new Set<string>();
  readonly #plans = new Map<string, Plan>();
  #last: { names: readonly string[]; plan: Plan } | null = null;

  constructor(map: ColumnMap, run: string | null) {
    this.#map = map;
    this.#run = run;
  }

  /** Throws `HistoryError` where a used column is there twice, and for too many columns or kinds of rows. */
  planOf(row: Row): Plan {
    if (this.#last?.names === row.names) return this.#last.plan;
    const key = JSON.stringify(row.names);
    let plan = this.#plans.get(key);
    if (plan === undefined) {
      plan = this.#makePlan(row);
      if (this.seen.size > MAX_COLUMNS || this.#plans.size >= MAX_COLUMNS) {
        throw refusal(row.place, null, `expected at most ${MAX_COLUMNS} different columns, and as many sets of them`);
      }
      this.#plans.set(key, plan);
    }
    this.#last = { names: row.names, plan };
    return plan;
  }

  /** Throws `HistoryError` for a `--map` whose column no file has. */
  checkMaps(file: string): void {
    for (const [source, name] of this.#map) {
      if (this.#mapped.has(source)) continue;
      const found = [...this.seen].filter((column) => column !== "" && !isBand(column));
      throw new HistoryError(`${prefix(file)}${missingMap(source, name, found)}`);
    }
  }

  #makePlan(row: Row): Plan {
    const { names, place } = row;
    const sources = new Map<number, string>();
    for (const [source, name] of this.#map) {
      const index = this.#find(row, source);
      if (index === -1) continue;
      this.#mapped.add(source);
      sources.set(index, name);
    }
    // A column that is mapped takes the place of one that has the name already.
    const taken = new Set(sources.values());
    const plan: Plan = { steps: [], measured: [] };
    const read = new Set<string>();
    for (const [index, source] of names.entries()) {
      this.seen.add(source);
      const name = sources.get(index) ?? (taken.has(source) ? null : source);
      const column = name === null ? null : this.#column(name);
      if (column === null) continue;
      if (read.has(source)) throw refusal(place, source, "expected once, found twice");
      read.add(source);
      this.used.add(source);
      if (column.target.kind === "step") plan.steps.push({ index, source });
      else plan.measured.push({ index, source, column, band: bandOf(names, source) });
    }
    return plan;
  }

  /** The column of this very name; else the only one that a W&B chart calls "<run> - name". */
  #find({ names, place }: Row, source: string): number {
    const exact = names.indexOf(source);
    if (exact !== -1) return exact;
    const end = this.#run === null ? ` - ${source}` : `${this.#run} - ${source}`;
    const matching = names.flatMap((name, i) =>
      name === end || (this.#run === null && name.endsWith(end)) ? [i] : [],
    );
    if (matching.length > 1) {
      const runs = matching.map((i) => names[i]?.slice(0, -` - ${source}`.length) ?? "");
      throw refusal(place, null, severalRuns(`the column of --map ${shownName(source)}`, runs));
    }
    if (this.#run !== null && matching.length === 1) this.foundRun = true;
    return matching[0] ?? -1;
  }

  #column(name: string): Column | null {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const target = parseTarget(name);
    if (target === null) return null;
    const column = { slot: this.slots.length, name, target };
    this.slots.push(column);
    this.#byName.set(name, column);
    return column;
  }
}

function bandOf(names: readonly string[], source: string): number[] | null {
  const edges = [names.indexOf(`${source}__MIN`), names.indexOf(`${source}__MAX`)];
  return edges.includes(-1) ? null : edges;
}

// Exports that hold more than one run, and those in long form: a row for each value, with the metric's name in a cell.

import { MAX_COLUMNS } from "./bounds.ts";
import { severalRuns } from "./hints.ts";
import { HistoryError, listed, prefix, type Row, refusal, shown } from "./row.ts";

const RUN_NAMES = ["run_id", "run_uuid", "run id", "run_name", "run"];
const KEY_NAMES = ["key", "metric"];

interface Layout {
  /** Columns that name the row's run, the surest first. */
  runs: number[];
  /** Set where the table is in long form. */
  long: { key: number; value: number; step: number; notNumber: number } | null;
}

/**
 * Lets the rows of one run through, long rows as wide ones: `{key: "loss", value: 1, step: 5}` is `{step: 5, loss: 1}`.
 * MLflow's charts write `run_id,key,value,step,timestamp` or `Run,Run ID,metric,step,timestamp,value`; its database
 * has a value of 0 beside a true `is_nan`. Throws `HistoryError` for a second run, unless `run` chooses one.
 */
export class Runs {
  readonly #run: string | null;
  readonly #layouts = new Map<string, Layout>();
  readonly #found = new Set<string>();
  readonly #names = new Map<string, readonly string[]>();
  #last: { names: readonly string[]; layout: Layout } | null = null;
  #kept = false;

  constructor(run: string | null) {
    this.#run = run;
  }

  /** True once a row was chosen by its run. */
  get kept(): boolean {
    return this.#kept;
  }

  /** Null for a row of another run. */
  read(row: Row): Row | null {
    const layout = this.#layoutOf(row.names);
    if (!this.#belongs(row, layout.runs)) return null;
    return layout.long === null ? row : this.#widen(row, layout.long);
  }

  /** For `--run NAME` that no row and no column has. */
  missing(source: string): HistoryError {
    const found = this.#found.size === 0 ? "no runs" : listed([...this.#found], 5);
    return new HistoryError(
      `${prefix(source)}--run ${shown(this.#run)}: expected the name or id of a run, found ${found}`,
    );
  }

  #belongs(row: Row, columns: readonly number[]): boolean {
    const names = columns.map((index) => textOf(row.cells[index])).filter((name) => name !== "");
    const [id] = names;
    if (id === undefined) return true;
    if (this.#found.size < MAX_COLUMNS) this.#found.add(id);
    if (this.#run !== null) {
      const chosen = names.includes(this.#run);
      this.#kept ||= chosen;
      return chosen;
    }
    if (this.#found.size > 1) throw refusal(row.place, null, severalRuns("the history", [...this.#found]));
    return true;
  }

  #widen({ cells, place }: Row, { key, value, step, notNumber }: NonNullable<Layout["long"]>): Row {
    const metric = cells[key];
    if (typeof metric !== "string" || metric.trim() === "") {
      throw refusal(place, "key", `expected the name of a metric, got ${shown(metric)}`);
    }
    let names = this.#names.get(metric);
    if (names === undefined) {
      // A metric called step is none of ours: the column of that name is the step already.
      names = metric.trim() === "step" ? ["step"] : ["step", metric.trim()];
      if (this.#names.size >= MAX_COLUMNS) throw refusal(place, "key", `expected at most ${MAX_COLUMNS} metrics`);
      this.#names.set(metric, names);
    }
    const lost = notNumber !== -1 && /^(?:1|t|true)$/i.test(textOf(cells[notNumber]));
    return { names, cells: [cells[step], lost ? "NaN" : cells[value]], place };
  }

  #layoutOf(names: readonly string[]): Layout {
    if (this.#last?.names === names) return this.#last.layout;
    const key = JSON.stringify(names);
    let layout = this.#layouts.get(key);
    if (layout === undefined) {
      layout = layoutOf(names);
      // Only so that it is found once for each table: rows that are all different are looked at one by one.
      if (this.#layouts.size < MAX_COLUMNS) this.#layouts.set(key, layout);
    }
    this.#last = { names, layout };
    return layout;
  }
}

function layoutOf(names: readonly string[]): Layout {
  const lower = names.map((name) => name.toLowerCase());
  const runs = RUN_NAMES.map((name) => lower.indexOf(name)).filter((index) => index !== -1);
  const key = KEY_NAMES.map((name) => lower.indexOf(name)).find((index) => index !== -1) ?? -1;
  const [value, step, notNumber] = [lower.indexOf("value"), lower.indexOf("step"), lower.indexOf("is_nan")];
  return { runs, long: key === -1 || value === -1 || step === -1 ? null : { key, value, step, notNumber } };
}

const textOf = (cell: unknown): string =>
  typeof cell === "string" || typeof cell === "number" || typeof cell === "boolean" ? String(cell).trim() : "";

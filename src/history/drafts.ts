// Rows joined by step: what was logged in several rows, or in several files, is one checkpoint.

import type { Bounds } from "./bounds.ts";
import type { Column, Columns, Plan, Target } from "./columns.ts";
import { noStep } from "./hints.ts";
import { readNumber } from "./numbers.ts";
import { HistoryError, type Place, prefix, type Row, refusal, shown, shownName } from "./row.ts";

/** What is known of one step: for each column's slot the value, where it stands, and what the file calls the column. */
export interface Draft {
  step: number;
  values: (number | undefined)[];
  places: (Place | undefined)[];
  sources: (string | undefined)[];
}

export interface CellRules {
  /** Accuracies are in 0..100. */
  percent: boolean;
  /** Texts that stand for an empty cell. */
  missing: ReadonlySet<string>;
  bounds: Bounds;
}

interface Tally {
  count: number;
  first: Place;
}

export class Drafts {
  readonly byStep = new Map<number, Draft>();
  readonly #rules: CellRules;
  readonly #columns: Columns;
  readonly #notFinite = new Map<string, Tally>();
  readonly #means = new Map<string, Tally>();
  #stepSeen = false;
  /** Of the accuracies as they are written. */
  #highest = 0;
  #values = 0;

  constructor(columns: Columns, rules: CellRules) {
    this.#columns = columns;
    this.#rules = rules;
  }

  /** Throws `HistoryError` for a cell that cannot be, and for two values of one step that disagree. */
  add(row: Row): void {
    const plan = this.#columns.planOf(row);
    this.#stepSeen ||= plan.steps.length > 0;
    const step = this.#readStep(row, plan);
    let draft = step === null ? undefined : this.byStep.get(step);
    for (const { index, source, column, band } of plan.measured) {
      const value = this.#readValue(row, index, source, column);
      if (value === null) continue;
      if (step === null) throw this.#withoutStep(row, plan);
      if (band?.some((edge) => readNumber(row.cells[edge]) !== readNumber(row.cells[index]))) {
        tally(this.#means, source, row.place);
      }
      if (++this.#values > this.#rules.bounds.values) throw this.#tooMuch(row, this.#rules.bounds.values, "values");
      if (draft === undefined) {
        if (this.byStep.size >= this.#rules.bounds.steps) throw this.#tooMuch(row, this.#rules.bounds.steps, "steps");
        draft = { step, values: [], places: [], sources: [] };
        this.byStep.set(step, draft);
      }
      keep(draft, column.slot, value, row.place, source);
    }
  }

  /** Throws `HistoryError` if no file had a step. */
  checkStep(file: string): void {
    if (!this.#stepSeen) throw new HistoryError(`${prefix(file)}${noStep(this.#columns.seen)}`);
  }

  warnings(): string[] {
    const fractions = this.#rules.percent && this.#highest <= 1;
    return [
      ...(fractions
        ? [`--percent: no accuracy is above ${this.#highest} per cent; fractions are read without it`]
        : []),
      ...[...this.#notFinite].map(
        ([source, { count, first }]) =>
          `column ${shownName(source)}: ${cells(count)} not finite, taken as not measured (first at ${at(first)})`,
      ),
      ...[...this.#means].map(
        ([source, { count, first }]) =>
          `column ${shownName(source)}: ${cells(count)} the mean of a band (__MIN and __MAX differ, first at ${at(first)}):` +
          " the chart sampled or smoothed it; the run's history has what was measured",
      ),
    ];
  }

  #tooMuch({ place }: Row, most: number, what: string): HistoryError {
    return refusal(place, null, `expected at most ${most} ${what} at once; a history may come in stretches of steps`);
  }

  #readStep({ cells, place }: Row, { steps }: Plan): number | null {
    let found: number | null = null;
    for (const { index, source } of steps) {
      const cell = cells[index];
      const step = this.#number(cell);
      if (step === null) continue;
      if (step === undefined || !Number.isSafeInteger(step) || step < 0) {
        throw refusal(place, source, `expected a whole number from 0, got ${shown(cell)}`);
      }
      if (found !== null && found !== step) throw refusal(place, source, `expected one step, got ${found} and ${step}`);
      found = step;
    }
    return found;
  }

  #withoutStep({ place }: Row, { steps }: Plan): HistoryError {
    if (!this.#stepSeen) return new HistoryError(`${prefix(place.source)}${noStep(this.#columns.seen)}`);
    return refusal(place, steps[0]?.source ?? "step", "expected a whole number from 0, got nothing");
  }

  #readValue({ cells, place }: Row, index: number, source: string, { target }: Column): number | null {
    const cell = cells[index];
    const value = this.#number(cell);
    if (value === null) return null;
    if (value === undefined)
      throw refusal(place, source, `expected a number or nothing, got ${shown(cell)}${comma(cell)}`);
    if (Number.isFinite(value)) {
      const wrong = misfit(target, value, this.#rules.percent);
      if (wrong !== null) throw refusal(place, source, `expected ${wrong}, got ${shown(cell)}`);
      if (!isAccuracy(target)) return value;
      this.#highest = Math.max(this.#highest, value);
      return this.#rules.percent ? value / 100 : value;
    }
    if (isCounted(target)) {
      const hint = "leave the cell empty where nothing was measured, or say --missing NaN";
      throw refusal(place, source, `expected a finite number or nothing, got ${shown(cell)} (${hint})`);
    }
    tally(this.#notFinite, source, place);
    return null;
  }

  #number(cell: unknown): number | null | undefined {
    return typeof cell === "string" && this.#rules.missing.has(cell.trim()) ? null : readNumber(cell);
  }
}

function keep(draft: Draft, slot: number, value: number, place: Place, source: string): void {
  const known = draft.values[slot];
  if (known === undefined) {
    draft.values[slot] = value;
    draft.places[slot] = place;
    draft.sources[slot] = source;
    return;
  }
  if (known === value) return;
  const before = draft.places[slot];
  const where = before === undefined ? "" : ` in ${at(before)}`;
  throw refusal(place, source, `expected ${known} as step ${draft.step} has${where}, got ${value}`);
}

const isAccuracy = (target: Target): boolean => target.kind === "result" && target.field === "accuracy";

/** Results that decide: one that is not a number is a broken evaluation, not one that is missing. */
const isCounted = (target: Target): boolean => target.kind === "result" && target.field !== "loss";

/** What a finite value should have been; null if it fits. */
function misfit(target: Target, value: number, percent: boolean): string | null {
  if (target.kind !== "result") return value < 0 ? "a number from 0" : null;
  switch (target.field) {
    case "accuracy":
      if (percent) return value < 0 || value > 100 ? "a percentage between 0 and 100" : null;
      if (value > 1 && value <= 100) return "a fraction between 0 and 1 (if accuracies are percentages, say --percent)";
      return value < 0 || value > 1 ? "a fraction between 0 and 1" : null;
    case "correct":
      return Number.isSafeInteger(value) && value >= 0 ? null : "a whole number from 0";
    case "total":
      return Number.isSafeInteger(value) && value >= 1 ? null : "a whole number from 1";
    case "loss":
      return null;
  }
}

function tally(tallies: Map<string, Tally>, source: string, place: Place): void {
  const known = tallies.get(source);
  if (known === undefined) tallies.set(source, { count: 1, first: place });
  else known.count++;
}

const at = ({ source, label }: Place): string => `${prefix(source)}${label}`;
const cells = (count: number): string => (count === 1 ? "1 cell is" : `${count} cells are`);
const comma = (cell: unknown): string =>
  typeof cell === "string" && /^\s*[+-]?\d+,\d+\s*$/.test(cell) ? " (the decimal sign is a point)" : "";

import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import type { Point } from "../../src/phases/judge.ts";

/** A recorded run, by column. */
export class Recorded {
  readonly steps: readonly number[];
  readonly #columns: ReadonlyMap<string, readonly number[]>;

  /** By split: the share of its commonest class, where it is known. */
  readonly chance: Readonly<Record<string, number>>;

  constructor(text: string, chance: Readonly<Record<string, number>> = {}) {
    this.chance = chance;
    const [head = "", ...lines] = text.trimEnd().split("\n");
    const rows = lines.map((line) => line.split(",").map((cell) => (cell === "" ? Number.NaN : Number(cell))));
    const names = head.split(",");
    this.#columns = new Map(names.map((name, at) => [name, rows.map((row) => row[at] ?? Number.NaN)]));
    this.steps = this.column("step");
  }

  static async read(file: string, chance: Readonly<Record<string, number>> = {}): Promise<Recorded> {
    return new Recorded(gunzipSync(await readFile(file)).toString(), chance);
  }

  /** In the order of the file. */
  get splits(): string[] {
    return this.columns.flatMap((name) => /^(.+)_correct$/.exec(name)?.[1] ?? []);
  }

  get columns(): string[] {
    return [...this.#columns.keys()];
  }

  get end(): number {
    return this.steps.at(-1) ?? 0;
  }

  column(name: string): readonly number[] {
    const column = this.#columns.get(name);
    if (column === undefined) throw new Error(`the run has no column ${name}`);
    return column;
  }

  /** By checkpoint; of what was the split then. */
  accuracy(split: string): number[] {
    const totals = this.column(`${split}_total`);
    return this.column(`${split}_correct`).map((correct, i) => correct / (totals[i] ?? Number.NaN));
  }

  /** Its checkpoints as the service knows them. */
  points(): Point[] {
    return this.steps.map((step, i) => {
      const at = (column: string) => this.column(column)[i] ?? Number.NaN;
      const splits = this.splits.map((split) => {
        const counts = { correct: at(`${split}_correct`), total: at(`${split}_total`), loss: at(`${split}_loss`) };
        return [split, counts] as const;
      });
      return { step, weightNorm: at("weight_norm"), splits: Object.fromEntries(splits) };
    });
  }

  at(split: string, step: number): number {
    return this.accuracy(split)[this.steps.indexOf(step)] ?? Number.NaN;
  }

  last(split: string): number {
    return this.accuracy(split).at(-1) ?? Number.NaN;
  }

  firstStep(split: string, level: number): number | null {
    return this.steps[this.accuracy(split).findIndex((share) => share >= level)] ?? null;
  }
}

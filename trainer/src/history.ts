import { measureSpectrum } from "./spectra.ts";
import type { Checkpoint } from "./train.ts";

type Cells = Record<string, number | null>;

/**
 * A run as CSV, a row per checkpoint, as `judge` reads it: `step`; per split `_correct`, `_total` and `_loss` (mean
 * cross-entropy in nats); `weight_norm` (L2 over all weights); per weight matrix `layer:<name>_norm`,
 * `layer:<name>_effective_rank` and `layer:<name>_alpha` (src/spectra.ts says what they are). A cell is empty where a
 * number is not finite or could not be measured.
 */
export class History {
  readonly #rows: Cells[] = [];

  add({ step, splits, weightNorm, weights }: Checkpoint): void {
    const row: Cells = { step };
    for (const [name, { correct, total, loss }] of splits) {
      row[`${name}_correct`] = correct;
      row[`${name}_total`] = total;
      row[`${name}_loss`] = loss;
    }
    row["weight_norm"] = weightNorm;
    for (const [name, { shape, values }] of weights) {
      if (shape.length !== 2 || Math.min(...shape) === 1) continue;
      const { norm, effectiveRank, alpha } = measureSpectrum(shape, values);
      row[`layer:${name}_norm`] = norm;
      row[`layer:${name}_effective_rank`] = effectiveRank;
      row[`layer:${name}_alpha`] = alpha;
    }
    this.#rows.push(row);
  }

  toCsv(): string {
    const columns = Object.keys(this.#rows[0] ?? {});
    const lines = this.#rows.map((row) => columns.map((column) => formatCell(row[column])).join(","));
    return [columns.join(","), ...lines, ""].join("\n");
  }
}

/** Six digits are more than float32 sums hold, and half the size of all of them. */
function formatCell(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "";
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

// Shifts that change the inputs of a copy of the base split and leave its right answers as they are.

import type { Random } from "../random.ts";
import { columnsOf, commonest, inputsOf, momentsOf, parseColumn, valuesOf } from "./columns.ts";
import type { Options } from "./options.ts";
import { fitting, isInput, isWhole, ShiftError, type SplitTables, type Table, widthOf } from "./suite-file.ts";

/** `base` is copied; `train` says what is usual. */
export type Change = (base: SplitTables, train: SplitTables, options: Options, random: Random) => SplitTables;

function mapInputs(base: SplitTables, change: (table: Table, name: string) => Float64Array): SplitTables {
  const tables = [...base.tables].map(([name, table]): [string, Table] =>
    isInput(name) ? [name, { ...table, values: change(table, name) }] : [name, table],
  );
  return { ...base, tables: new Map(tables) };
}

/** Whole numbers are symbols, but for the brightness of pixels. */
const isNumeric = (table: Table): boolean => !isWhole(table) || (table.dtype === "U8" && table.shape.length >= 2);

function requireNumbers(base: SplitTables, shift: string): void {
  if (!inputsOf(base).some(([, table]) => isNumeric(table))) {
    throw new ShiftError(`${shift} is for numbers, and every input is whole: relabel, swap or holdout suit symbols`);
  }
}

/** Gaussian noise, in deviations of each column in train (Hendrycks & Dietterich 2019 for images). */
export const noise: Change = (base, train, options, random) => {
  requireNumbers(base, "noise");
  const sigma = options.number("sigma", 0.5, 0);
  return mapInputs(base, (table, name) => {
    if (!isNumeric(table)) return table.values;
    const width = widthOf(table);
    const scale = Array.from({ length: width }, (_, index) => momentsOf(valuesOf(train, { name, index })).deviation);
    return table.values.map((value, n) => fitting(table, value + sigma * (scale[n % width] ?? 0) * random.normal()));
  });
};

/** Each pixel the mean of those around it, over the last two axes. */
export const blur: Change = (base, _train, options) => {
  const radius = options.whole("radius", 1, 1, 16);
  return mapImages(base, "blur", (pixels, height, width) => {
    const at = (row: number, column: number) =>
      pixels[Math.min(height - 1, Math.max(0, row)) * width + Math.min(width - 1, Math.max(0, column))] ?? 0;
    const side = 2 * radius + 1;
    return pixels.map((_, n) => {
      let sum = 0;
      for (let d = 0; d < side * side; d++) {
        sum += at(Math.floor(n / width) + Math.floor(d / side) - radius, (n % width) + (d % side) - radius);
      }
      return sum / side ** 2;
    });
  });
};

/** Differences from an image's own mean, times a factor: below 1 flatter, above 1 harder. */
export const contrast: Change = (base, _train, options) => {
  const factor = options.number("factor", 0.4, 0);
  return mapImages(base, "contrast", (pixels) => {
    const { mean } = momentsOf(pixels);
    return pixels.map((value) => mean + factor * (value - mean));
  });
};

function mapImages(
  base: SplitTables,
  shift: string,
  change: (pixels: Float64Array, height: number, width: number) => Float64Array,
): SplitTables {
  if (!inputsOf(base).some(([, { shape }]) => shape.length >= 2)) {
    throw new ShiftError(`${shift} is for images: inputs of the shape [rows, …, height, width]`);
  }
  return mapInputs(base, (table) => {
    const [height = 0, width = 0] = table.shape.slice(-2);
    if (table.shape.length < 2) return table.values;
    const values = new Float64Array(table.values.length);
    for (let from = 0; from < values.length; from += height * width) {
      const changed = change(table.values.slice(from, from + height * width), height, width);
      values.set(
        changed.map((value) => fitting(table, value)),
        from,
      );
    }
    return values;
  });
}

/** Columns are set to their mean in train (whole ones to their commonest value), or to `to`. */
export const mask: Change = (base, train, options, random) => {
  const chosen = chooseColumns(base, options, random);
  const chosenOf = (name: string) => [...chosen].filter((column) => column.startsWith(`${name}[`));
  const to = options.text("to", "mean");
  if (to !== "mean" && !Number.isFinite(Number(to))) throw new ShiftError(`to must be mean or a number, got "${to}"`);
  return mapInputs(base, (table, name) => {
    const width = widthOf(table);
    if (to !== "mean" && fitting(table, Number(to)) !== Number(to) && chosenOf(name).length > 0) {
      throw new ShiftError(
        `"${name}" is ${table.dtype}, which cannot be ${to}: mask it by another value, or by its mean`,
      );
    }
    const fill = Array.from({ length: width }, (_, index) => {
      if (!chosen.has(`${name}[${index}]`)) return null;
      const values = valuesOf(train, { name, index });
      return to === "mean" ? (isWhole(table) ? commonest(values) : momentsOf(values).mean) : Number(to);
    });
    return table.values.map((value, n) => fill[n % width] ?? value);
  });
};

/** Columns are dealt out anew among the rows: each keeps its values, and says nothing of the others or the answer. */
export const swap: Change = (base, _train, options, random) => {
  const chosen = chooseColumns(base, options, random);
  return mapInputs(base, (table, name) => {
    const width = widthOf(table);
    const values = table.values.slice();
    for (let index = 0; index < width; index++) {
      if (!chosen.has(`${name}[${index}]`)) continue;
      const dealt = random.shuffle(Array.from(valuesOf(base, { name, index })));
      dealt.forEach((value, row) => {
        values[row * width + index] = value;
      });
    }
    return values;
  });
};

function chooseColumns(base: SplitTables, options: Options, random: Random): Set<string> {
  const named = options.list("columns")?.map((text) => parseColumn(text, base));
  const all = columnsOf(base);
  const share = named ? 0 : options.number("share", 0.25, 0, 1);
  const columns = named ?? random.shuffle(all).slice(0, Math.max(1, Math.round(share * all.length)));
  return new Set(columns.map(({ name, index }) => `${name}[${index}]`));
}

/** Every symbol becomes another one that train has; with `targets=yes` the answers are symbols too and change alike. */
export const relabel: Change = (base, train, options, random) => {
  const withTargets = options.text("targets", "no", ["yes", "no"]) === "yes";
  const share = options.number("share", 1, 0, 1);
  const known = new Set<number>();
  for (const [, table] of inputsOf(train)) if (isWhole(table)) for (const value of table.values) known.add(value);
  if (known.size < 2) throw new ShiftError("relabel is for symbols: no input is whole");
  const symbols = random
    .shuffle([...known].sort((a, b) => a - b))
    .slice(0, Math.max(2, Math.round(share * known.size)));
  // A cycle: none stays what it was.
  const becomes = new Map(symbols.map((symbol, n) => [symbol, symbols[(n + 1) % symbols.length] ?? symbol]));
  const change = (values: Float64Array) => values.map((value) => becomes.get(value) ?? value);
  const tables = [...base.tables].map(([name, table]): [string, Table] => {
    const applies = (isInput(name) && isWhole(table)) || (name === "target" && withTargets);
    return [name, applies ? { ...table, values: change(table.values) } : table];
  });
  return { ...base, tables: new Map(tables) };
};

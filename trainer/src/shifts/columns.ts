import { isInput, ShiftError, type SplitTables, type Table, widthOf } from "./suite-file.ts";

/** One number of a row: of an input, the nth. Written `x`, where it is the only one, or `x[3]`. */
export interface Column {
  readonly name: string;
  readonly index: number;
}

export const inputsOf = ({ tables }: SplitTables): [string, Table][] => [...tables].filter(([name]) => isInput(name));

export function columnsOf(split: SplitTables): Column[] {
  return inputsOf(split).flatMap(([name, table]) =>
    Array.from({ length: widthOf(table) }, (_, index) => ({ name, index })),
  );
}

export function parseColumn(text: string, split: SplitTables): Column {
  const [, name = "", index = "0"] = /^(.+?)(?:\[(\d+)\])?$/.exec(text) ?? [];
  const table = split.tables.get(name);
  if (!table || !isInput(name) || Number(index) >= widthOf(table)) {
    const known = inputsOf(split).map(([input, own]) =>
      widthOf(own) === 1 ? input : `${input}[0..${widthOf(own) - 1}]`,
    );
    throw new ShiftError(`there is no column "${text}": there are ${known.join(", ")}`);
  }
  return { name, index: Number(index) };
}

export function valuesOf({ tables, rows }: SplitTables, { name, index }: Column): Float64Array {
  const table = tables.get(name);
  if (!table) throw new ShiftError(`a split has no input "${name}"`);
  const width = widthOf(table);
  return Float64Array.from({ length: rows }, (_, row) => table.values[row * width + index] ?? Number.NaN);
}

/** Mean and standard deviation. */
export function momentsOf(values: Float64Array): { mean: number; deviation: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) };
}

export function countsOf(values: Iterable<number>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** The lowest of those that are there most often; NaN of none. */
export function commonest(values: Iterable<number>): number {
  return [...countsOf(values)].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0]?.[0] ?? Number.NaN;
}

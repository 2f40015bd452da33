// Suites as tables of numbers: read, changed and written again with the types they had.

/** What is wrong with a suite or an option, for the user to read. */
export class ShiftError extends Error {}

const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;
type Dtype = keyof typeof ARRAYS;

/** Rows along the first axis; `values` row by row. Whole numbers are exact to 2^53. */
export interface Table {
  readonly dtype: Dtype;
  /** One row's. */
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/** Tables by name: the model's inputs, `target`, and `target_mask` where there is one. */
export interface SplitTables {
  readonly rows: number;
  readonly tables: ReadonlyMap<string, Table>;
}

export interface SuiteTables {
  splits: Map<string, SplitTables>;
  metadata: Record<string, string>;
}

export const isWhole = ({ dtype }: Table): boolean => !dtype.startsWith("F");
export const widthOf = ({ shape }: Table): number => shape.reduce((product, size) => product * size, 1);
export const isInput = (name: string): boolean => name !== "target" && name !== "target_mask";

/** Throws ShiftError where the file is no suite. */
export function readTables(file: Uint8Array): SuiteTables {
  const bytes = Uint8Array.from(file);
  const headerLength = bytes.length < 8 ? Number.NaN : Number(new DataView(bytes.buffer).getBigUint64(0, true));
  if (!(8 + headerLength <= bytes.length)) throw new ShiftError("the file is no safetensors file, or cut short");
  const start = 8 + headerLength;
  const { __metadata__: metadata = {}, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  const splits = new Map<string, { rows: number; tables: Map<string, Table> }>();
  for (const [name, { dtype, shape, data_offsets: ends }] of Object.entries<Entry>(entries)) {
    const slash = name.indexOf("/");
    if (slash < 1) throw new ShiftError(`"${name}" is in no split: a suite's tensors are named <split>/<input>`);
    const array = ARRAYS[dtype];
    if (array === undefined)
      throw new ShiftError(`"${name}" is ${dtype}: shifts know ${Object.keys(ARRAYS).join(", ")}`);
    if (start + ends[1] > bytes.length) throw new ShiftError(`the file ends before "${name}" does`);
    const typed = new array(bytes.slice(start + ends[0], start + ends[1]).buffer);
    const [rows = 0, ...rest] = shape;
    const split = splits.get(name.slice(0, slash)) ?? { rows, tables: new Map() };
    if (split.rows !== rows) throw new ShiftError(`"${name}" has ${rows} rows, others of its split ${split.rows}`);
    split.tables.set(name.slice(slash + 1), { dtype, shape: rest, values: Float64Array.from(typed, Number) });
    splits.set(name.slice(0, slash), split);
  }
  return { splits, metadata };
}

interface Entry {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [from: number, to: number];
}

export function writeTables({ splits, metadata }: SuiteTables): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: metadata };
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const [split, { rows, tables }] of splits) {
    for (const [name, { dtype, shape, values }] of tables) {
      const typed =
        dtype === "I64" ? BigInt64Array.from(values, (value) => BigInt(value)) : ARRAYS[dtype].from(values as never);
      const bytes = new Uint8Array(typed.buffer);
      header[`${split}/${name}`] = { dtype, shape: [rows, ...shape], data_offsets: [end, end + bytes.length] };
      end += bytes.length;
      parts.push(bytes);
    }
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + length + end).fill(0x20, 8, 8 + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(json, 8);
  let at = 8 + length;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** These rows of a split, in this order. */
export function pickRows({ tables }: SplitTables, rows: readonly number[]): SplitTables {
  const pick = (table: Table): Table => {
    const width = widthOf(table);
    const values = new Float64Array(rows.length * width);
    rows.forEach((row, n) => {
      values.set(table.values.subarray(row * width, (row + 1) * width), n * width);
    });
    return { ...table, values };
  };
  return { rows: rows.length, tables: new Map([...tables].map(([name, table]) => [name, pick(table)])) };
}

/** The rows of one split and then those of another with the same tables. */
export function joinRows(first: SplitTables, second: SplitTables): SplitTables {
  const tables = [...first.tables].map(([name, table]): [string, Table] => {
    const more = second.tables.get(name);
    if (!more) throw new ShiftError(`a split has no "${name}"`);
    return [name, { ...table, values: join(table.values, more.values) }];
  });
  return { rows: first.rows + second.rows, tables: new Map(tables) };
}

function join(first: Float64Array, second: Float64Array): Float64Array {
  const joined = new Float64Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}

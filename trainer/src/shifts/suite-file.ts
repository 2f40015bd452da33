// Suites as tables of numbers: read, changed and written again with the types they had.
/// <reference lib="esnext.float16" />
import { joinTensors, type StoredTensor } from "../safetensors.ts";

/** What is wrong with a suite or an option, for the user to read. */
export class ShiftError extends Error {}

const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Float16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;
type Dtype = keyof typeof ARRAYS;

/** What whole numbers of a type can be; beyond 2^53 a number is not exact. */
const RANGES = {
  I64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  I32: [-(2 ** 31), 2 ** 31 - 1],
  I8: [-128, 127],
  U8: [0, 255],
  BOOL: [0, 1],
} as const satisfies Partial<Record<Dtype, readonly [least: number, most: number]>>;

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

/** The nearest value that a table's type can hold. */
export function fitting({ dtype }: Table, value: number): number {
  const [least, most] = rangeOf(dtype);
  return Math.min(most, Math.max(least, dtype in RANGES ? Math.round(value) : value));
}

const rangeOf = (dtype: Dtype): readonly [least: number, most: number] =>
  dtype in RANGES ? RANGES[dtype as keyof typeof RANGES] : [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

/** @throws ShiftError where the file is no suite, saying which tensor is at fault */
export function readTables(file: Uint8Array): SuiteTables {
  const { header, data } = splitFile(file);
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    throw new ShiftError("the file's __metadata__ does not hold strings alone");
  }
  const splits = new Map<string, { rows: number; tables: Map<string, Table> }>();
  for (const [name, entry] of Object.entries(entries)) {
    const slash = name.indexOf("/");
    if (slash < 1) throw new ShiftError(`"${name}" is in no split: a suite's tensors are named <split>/<input>`);
    const { rows, ...table } = readTable(name, entry, data);
    const split = splits.get(name.slice(0, slash)) ?? { rows, tables: new Map() };
    if (split.rows !== rows) throw new ShiftError(`"${name}" has ${rows} rows, others of its split ${split.rows}`);
    split.tables.set(name.slice(slash + 1), table);
    splits.set(name.slice(0, slash), split);
  }
  return { splits, metadata: metadata as Record<string, string> };
}

function splitFile(file: Uint8Array): { header: Record<string, unknown>; data: Uint8Array<ArrayBuffer> } {
  const bytes = Uint8Array.from(file);
  const length = bytes.length < 8 ? Number.NaN : Number(new DataView(bytes.buffer).getBigUint64(0, true));
  if (!(8 + length <= bytes.length)) throw new ShiftError("the file is no safetensors file, or cut short");
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  } catch {
    throw new ShiftError("the file is no safetensors file: its header is no JSON");
  }
  if (!isRecord(header)) throw new ShiftError("the file is no safetensors file: its header is no object");
  return { header, data: bytes.subarray(8 + length) };
}

function readTable(name: string, entry: unknown, data: Uint8Array<ArrayBuffer>): Table & { rows: number } {
  if (!isEntry(entry)) throw new ShiftError(`"${name}" has no type, shape and place in the file's header`);
  const { dtype, shape, data_offsets: ends } = entry;
  const [from, to] = ends;
  if (!isDtype(dtype)) throw new ShiftError(`"${name}" is ${dtype}: shifts know ${Object.keys(ARRAYS).join(", ")}`);
  const array = ARRAYS[dtype];
  const count = shape.reduce((product, size) => product * size, 1);
  if (to > data.length) throw new ShiftError(`the file ends before "${name}" does`);
  if (to - from !== count * array.BYTES_PER_ELEMENT) {
    throw new ShiftError(`"${name}" has ${to - from} bytes, and its shape [${shape.join(", ")}] asks for others`);
  }
  const [rows = 0, ...rest] = shape;
  const values = Float64Array.from(new array(data.slice(from, to).buffer), Number);
  const [least, most] = rangeOf(dtype);
  const outside = values.find((value) => value < least || value > most);
  if (outside !== undefined) throw new ShiftError(`"${name}" has ${outside}, which is beyond what shifts keep exact`);
  return { rows, dtype, shape: rest, values };
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [from: number, to: number];
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isDtype = (dtype: string): dtype is Dtype => Object.hasOwn(ARRAYS, dtype);
const areSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

const isEntry = (entry: unknown): entry is Entry =>
  isRecord(entry) &&
  typeof entry["dtype"] === "string" &&
  areSizes(entry["shape"]) &&
  areSizes(entry["data_offsets"]) &&
  entry["data_offsets"].length === 2;

export function writeTables({ splits, metadata }: SuiteTables): Uint8Array<ArrayBuffer> {
  const tensors = [...splits].flatMap(([split, { rows, tables }]) =>
    [...tables].map(([name, { dtype, shape, values }]): StoredTensor => {
      const typed = dtype === "I64" ? BigInt64Array.from(values, BigInt) : ARRAYS[dtype].from(values as never);
      return { name: `${split}/${name}`, dtype, shape: [rows, ...shape], values: typed };
    }),
  );
  return joinTensors(tensors, metadata);
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

// Reads a recorded history into points. The text may be CSV or JSONL; nothing is guessed and nothing silently dropped,
// because a verdict on half of the columns would look like a verdict.

import { isSplitName, type Point, type SplitResult } from "../phases/judge.ts";

/** A history that cannot be read: where (line, row and column) and what was expected. */
export class HistoryError extends Error {
  override readonly name = "HistoryError";
}

type Cells = Record<string, unknown>;

/** Throws `HistoryError`. Rows without any result are left out: they are checkpoints not evaluated yet. */
export function parseHistory(text: string): Point[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  const [first] = lines;
  if (text.trim() === "" || first === undefined) throw new HistoryError("the file is empty");
  const rows = text.trimStart().startsWith("{") ? readJsonLines(lines) : readCsv(lines);
  return rows.map(({ cells, where }) => readPoint(cells, where)).filter((point) => point !== null);
}

interface Row {
  cells: Cells;
  where: string;
}

function readCsv([head = "", ...body]: readonly string[]): Row[] {
  const columns = splitCsvLine(head, "line 1").map((name) => name.trim());
  const repeated = columns.find((name, i) => name !== "" && columns.indexOf(name) !== i);
  if (repeated !== undefined) throw new HistoryError(`line 1, column ${repeated}: expected once, found twice`);
  if (!columns.includes("step"))
    throw new HistoryError(`line 1: expected a column "step", found ${columns.join(", ")}`);
  const splits = splitsOf(columns, "line 1");
  if (splits.length === 0) throw new HistoryError("line 1: expected a column <split>_accuracy or <split>_correct");
  return body.flatMap((line, i) => {
    if (line.trim() === "") return [];
    const where = `line ${i + 2} (row ${i + 1})`;
    const values = splitCsvLine(line, where);
    if (values.length !== columns.length) {
      throw new HistoryError(`${where}: expected ${columns.length} columns as in line 1, found ${values.length}`);
    }
    return [{ where, cells: Object.fromEntries(columns.map((name, j) => [name, values[j]?.trim()])) }];
  });
}

/** One line of RFC 4180 CSV; a quoted cell may hold commas and doubled quotes, not line breaks. */
function splitCsvLine(line: string, where: string): string[] {
  const cells: string[] = [];
  const cell = /\s*"((?:[^"]|"")*)"\s*(,|$)|([^",]*)(,|$)/y;
  for (;;) {
    const match = cell.exec(line);
    if (match === null) throw new HistoryError(`${where}: expected quotes around a whole cell and closed on its line`);
    cells.push(match[1]?.replaceAll('""', '"') ?? match[3] ?? "");
    if ((match[2] ?? match[4]) === "") return cells;
  }
}

function readJsonLines(lines: readonly string[]): Row[] {
  return lines.flatMap((line, i) => {
    if (line.trim() === "") return [];
    const where = `line ${i + 1} (row ${i + 1})`;
    const value = parseJson(line, where);
    if (!isObject(value)) throw new HistoryError(`${where}: expected a JSON object`);
    return [{ where, cells: isObject(value["splits"]) ? flatten(value, value["splits"], where) : value }];
  });
}

function parseJson(line: string, where: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new HistoryError(`${where}: expected one whole JSON object on a line`);
  }
}

/** A point of a trajectory document, written as columns. */
function flatten(point: Cells, splits: Cells, where: string): Cells {
  const cells: Cells = { step: point["step"], weight_norm: point["weightNorm"] };
  for (const [split, result] of Object.entries(splits)) {
    if (!isObject(result)) throw new HistoryError(`${where}, split ${split}: expected an object`);
    for (const name of ["correct", "total", "loss"]) cells[`${split}_${name}`] = result[name];
  }
  return cells;
}

/** The splits these columns name. A result of an unknown split is refused: it may be the OOD split, misspelt. */
function splitsOf(columns: readonly string[], where: string): string[] {
  const splits = new Set<string>();
  for (const column of columns) {
    const split = /^(.+)_(?:accuracy|correct)$/.exec(column)?.[1];
    if (split === undefined) continue;
    if (!isSplitName(split)) {
      throw new HistoryError(`${where}, column ${column}: expected a split train, validation, ood or ood:<name>`);
    }
    if (!columns.includes(`${split}_total`)) {
      throw new HistoryError(`${where}, column ${column}: expected a column ${split}_total beside it`);
    }
    splits.add(split);
  }
  return [...splits];
}

function readPoint(cells: Cells, where: string): Point | null {
  const step = readNumber(cells, "step", where);
  if (step === null || !Number.isSafeInteger(step) || step < 0) {
    throw new HistoryError(`${where}, column step: expected a whole number from 0, got ${shown(cells["step"])}`);
  }
  const weightNorm = readNumber(cells, "weight_norm", where);
  if (weightNorm !== null && weightNorm < 0) {
    throw new HistoryError(`${where}, column weight_norm: expected a number from 0, got ${weightNorm}`);
  }
  const splits: Record<string, SplitResult> = {};
  for (const split of splitsOf(Object.keys(cells), where)) {
    const result = readResult(cells, split, where);
    if (result !== null) splits[split] = result;
  }
  return Object.keys(splits).length === 0 ? null : { step, splits, weightNorm };
}

function readResult(cells: Cells, split: string, where: string): SplitResult | null {
  const refuse = (column: string, expected: string) =>
    new HistoryError(`${where}, column ${column}: expected ${expected}, got ${shown(cells[column])}`);
  const counted = readNumber(cells, `${split}_correct`, where);
  const accuracy = readNumber(cells, `${split}_accuracy`, where);
  if (counted === null && accuracy === null) return null;
  const total = readNumber(cells, `${split}_total`, where);
  if (total === null || !Number.isSafeInteger(total) || total < 1) {
    throw refuse(`${split}_total`, "a whole number from 1");
  }
  if (accuracy !== null && (accuracy < 0 || accuracy > 1)) {
    throw refuse(`${split}_accuracy`, "a fraction between 0 and 1");
  }
  const correct = counted ?? Math.round((accuracy ?? 0) * total);
  if (!Number.isSafeInteger(correct) || correct < 0 || correct > total) {
    throw refuse(`${split}_correct`, `a whole number between 0 and the total ${total}`);
  }
  return { correct, total, loss: readNumber(cells, `${split}_loss`, where) };
}

/** A finite number, or null for an empty cell. */
function readNumber(cells: Cells, column: string, where: string): number | null {
  const cell = cells[column];
  if (cell === undefined || cell === null || cell === "") return null;
  const decimal = typeof cell === "string" && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell);
  const value = typeof cell === "number" || decimal ? Number(cell) : Number.NaN;
  if (!Number.isFinite(value)) {
    throw new HistoryError(`${where}, column ${column}: expected a finite number or nothing, got ${shown(cell)}`);
  }
  return value;
}

const isObject = (value: unknown): value is Cells =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const shown = (cell: unknown): string => (cell === undefined || cell === "" ? "nothing" : JSON.stringify(cell));

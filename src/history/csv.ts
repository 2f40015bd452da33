// CSV as RFC 4180 has it, with `,`, `;` or a tab between cells: the one that the header holds most often. A quoted cell
// may hold delimiters, doubled quotes and line breaks.

import { MAX_COLUMNS } from "./bounds.ts";
import { LinePlace, type Row, refusal, type Source } from "./row.ts";

const DELIMITERS = [",", ";", "\t"] as const;

/** Throws `HistoryError` for quotes that do not close and for rows of another length than the header. */
export function* readCsv({ name, text }: Source): Generator<Row> {
  const lines = records(name, text.replace(/\r\n?/g, "\n"));
  const head = lines.next().value;
  if (head === undefined) return;
  const names = head.cells.map((cell) => cell.trim());
  let row = 0;
  for (const { line, cells } of lines) {
    row++;
    const place = new LinePlace(name, line, row);
    if (cells.length !== names.length) {
      throw refusal(place, null, `expected ${names.length} columns as in line ${head.line}, found ${cells.length}`);
    }
    yield { names, cells, place };
  }
  // A header alone still says which columns there would be.
  if (row === 0) yield { names, cells: names.map(() => ""), place: { source: name, label: `line ${head.line}` } };
}

interface Line {
  line: number;
  cells: string[];
}

function* records(name: string, text: string): Generator<Line, undefined> {
  let delimiter: string | null = null;
  let line = 1;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline === -1 ? text.length : newline;
    const plain = text.slice(start, end);
    if (plain.trim() === "") {
      start = end + 1;
      line++;
      continue;
    }
    delimiter ??= delimiterOf(plain);
    if (!plain.includes('"')) {
      const cells = plain.split(delimiter, MAX_COLUMNS + 1);
      if (cells.length > MAX_COLUMNS) throw tooMany(name, line);
      yield { line, cells };
      start = end + 1;
      line++;
      continue;
    }
    const { cells, next, breaks } = quotedRecord(name, text, start, line, delimiter);
    yield { line, cells };
    start = next;
    line += breaks + 1;
  }
}

const tooMany = (name: string, line: number) =>
  refusal({ source: name, label: `line ${line}` }, null, `expected at most ${MAX_COLUMNS} columns`);

/** Of the header's delimiters outside quotes the most frequent; a comma where there is none. */
function delimiterOf(head: string): string {
  const bare = head.replace(/"[^"]*"/g, "");
  const count = (delimiter: string) => bare.split(delimiter, MAX_COLUMNS + 1).length;
  return DELIMITERS.reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best));
}

/** One record that has quotes in it, from `start`. */
function quotedRecord(name: string, text: string, start: number, line: number, delimiter: string) {
  const refuse = () =>
    refusal({ source: name, label: `line ${line}` }, null, "expected quotes around a whole cell, and closed");
  const cells: string[] = [];
  let breaks = 0;
  let at = start;
  for (;;) {
    while (text[at] === " ") at++;
    let cell: string;
    if (text[at] === '"') {
      let close = text.indexOf('"', at + 1);
      while (close !== -1 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
      if (close === -1) throw refuse();
      cell = text.slice(at + 1, close).replaceAll('""', '"');
      breaks += cell.split("\n").length - 1;
      at = close + 1;
      while (text[at] === " ") at++;
    } else {
      let end = at;
      while (end < text.length && text[end] !== delimiter && text[end] !== "\n") end++;
      cell = text.slice(at, end);
      if (cell.includes('"')) throw refuse();
      at = end;
    }
    if (cells.push(cell) > MAX_COLUMNS) throw tooMany(name, line);
    const after = text[at];
    if (after === undefined || after === "\n") return { cells, next: at + 1, breaks };
    if (after !== delimiter) throw refuse();
    at++;
  }
}

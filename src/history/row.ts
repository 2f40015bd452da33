// What every reader of a file gives: rows of named cells, and where each row stands.

/** A file's text under the name that messages call it by; an empty name is left out of them. */
export interface Source {
  name: string;
  text: string;
}

/** Where a row stands: `line 3 (row 2)`, after the file's name. */
export interface Place {
  readonly source: string;
  readonly label: string;
}

/** A line's place. There may be a million of them, and few are ever shown. */
export class LinePlace implements Place {
  readonly source: string;
  readonly #line: number;
  readonly #row: number;

  constructor(source: string, line: number, row: number) {
    this.source = source;
    this.#line = line;
    this.#row = row;
  }

  get label(): string {
    return `line ${this.#line} (row ${this.#row})`;
  }
}

/** Rows of one table share the array `names`, so that what a column means is found once for each table. */
export interface Row {
  names: readonly string[];
  cells: readonly unknown[];
  place: Place;
}

/** A history that cannot be read: where (file, line, row and column), what was expected, what was found. */
export class HistoryError extends Error {
  override readonly name = "HistoryError";
}

/** The error for one place; `column` is the file's own name of the column. */
export function refusal(place: Place | null, column: string | null, expected: string): HistoryError {
  const parts = [place?.label, column === null ? undefined : `column ${shownName(column)}`];
  const where = parts.filter((part) => part !== undefined).join(", ");
  return new HistoryError(`${prefix(place?.source ?? "")}${where}${where === "" ? "" : ": "}${expected}`);
}

export const prefix = (source: string): string => (source === "" ? "" : `${source}: `);

/** A cell as a message shows it: on one line, and not a whole page of it. */
export function shown(cell: unknown): string {
  if (cell === undefined || cell === null || cell === "") return "nothing";
  if (typeof cell === "object") return Array.isArray(cell) ? "a list" : "an object";
  return JSON.stringify(typeof cell === "string" ? cut(cell, 60) : cell) ?? typeof cell;
}

const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most)}…` : text);

/** A column's name as a message shows it: quoted where a shell would need it, always on one line. */
export function shownName(name: string): string {
  const short = cut(name, 200);
  return /^[\w.:/@+-]+$/.test(short) ? short : JSON.stringify(short);
}

const LISTED = 12;

export function listed(names: readonly string[], most = LISTED): string {
  const first = names.slice(0, most).map(shownName).join(", ");
  return names.length > most ? `${first} and ${names.length - most} more` : first;
}

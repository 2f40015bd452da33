/** Beginnings of files that are no UTF-8 text, as they look decoded as such, with what to do about each. */
const PACKED: [start: string, what: string][] = [
  ["PK\u0003\u0004", "a ZIP file, as .eval logs and spreadsheets are"],
  ["\u001f\ufffd", "a gzip file: unpack it first"],
  ["PAR1", "a Parquet file: write it as CSV or JSONL, as with pandas' to_csv"],
  ["\ufffd\ufffd", "text in UTF-16: save it as UTF-8"],
  ["SQLite format 3\u0000", "an SQLite database: export its table of metrics as CSV"],
];

/** What a file is that was sent in the place of text; null for text. */
export const packedKind = (text: string): string | null =>
  PACKED.find(([start]) => text.startsWith(start))?.[1] ?? null;

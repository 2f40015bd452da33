// JSONL, and the JSON documents that hold such rows: an array, a trajectory's `points`, the `metrics` of MLflow's API.

import { isSplitName } from "../phases/judge.ts";
import { parseJson } from "./parse-json.ts";
import { type Place, prefix, type Row, refusal, type Source, shown } from "./row.ts";

type Fields = Record<string, unknown>;

const LISTS = ["points", "metrics"] as const;

/** Throws `HistoryError` for a line that is no JSON object; warns of a document that has more pages. */
export function* readJson({ name, text }: Source, warn: (warning: string) => void): Generator<Row> {
  const document = wholeDocument(text);
  if (document !== null) {
    if (document.more) warn(`${prefix(name)}one page of a trajectory ("next" is set): give all of them as files`);
    for (const [i, item] of document.rows.entries()) yield toRow(item, { source: name, label: `item ${i + 1}` });
    return;
  }
  let line = 0;
  for (const written of text.split(/\r\n|\n|\r/)) {
    line++;
    if (written.trim() === "") continue;
    const place = { source: name, label: `line ${line} (row ${line})` };
    const value = parseJson(written);
    if (value === undefined) throw refusal(place, null, "expected one whole JSON object on a line");
    yield toRow(value, place);
  }
}

/** The rows of a file that is one JSON document; null for JSONL. */
function wholeDocument(text: string): { rows: unknown[]; more: boolean } | null {
  const first = text.trimStart().split(/[\r\n]/, 1)[0] ?? "";
  const opening = parseJson(first);
  const several = opening !== undefined && first.length < text.trim().length;
  if (several) return null;
  const value = opening ?? parseJson(text);
  if (Array.isArray(value)) return { rows: value, more: false };
  if (!isObject(value)) return null;
  for (const list of LISTS) {
    const rows = value[list];
    if (Array.isArray(rows) && value["step"] === undefined) return { rows, more: typeof value["next"] === "string" };
  }
  return null;
}

function toRow(value: unknown, place: Place): Row {
  if (!isObject(value)) throw refusal(place, null, `expected a JSON object, got ${shown(value)}`);
  const names: string[] = [];
  const cells: unknown[] = [];
  const add = (name: string, cell: unknown) => {
    names.push(name);
    cells.push(cell);
  };
  for (const [name, cell] of Object.entries(value)) {
    if (name === "splits" && isObject(cell)) addSplits(cell, place, add);
    else if (name === "layers" && isObject(cell)) addLayers(cell, place, add);
    else add(name === "weightNorm" ? "weight_norm" : name, cell);
  }
  return { names, cells, place };
}

type Add = (name: string, cell: unknown) => void;

/** The results of a trajectory document's point, as columns. */
function addSplits(splits: Fields, place: Place, add: Add): void {
  for (const [split, result] of Object.entries(splits)) {
    if (!isSplitName(split)) {
      throw refusal(place, `splits.${split}`, "expected a split train, validation, ood or ood:<name>");
    }
    if (!isObject(result)) throw refusal(place, `splits.${split}`, `expected an object, got ${shown(result)}`);
    for (const field of ["correct", "total", "accuracy", "loss"]) {
      if (field in result) add(`${split}_${field}`, result[field]);
    }
  }
}

const LAYER_FIELDS = { norm: "norm", effectiveRank: "effective_rank", alpha: "alpha" };

function addLayers(layers: Fields, place: Place, add: Add): void {
  for (const [layer, statistics] of Object.entries(layers)) {
    if (layer === "") throw refusal(place, "layers", "expected a name for each layer");
    if (!isObject(statistics)) throw refusal(place, `layers.${layer}`, `expected an object, got ${shown(statistics)}`);
    for (const [field, written] of Object.entries(LAYER_FIELDS)) {
      if (field in statistics) add(`layer:${layer}_${written}`, statistics[field]);
    }
  }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

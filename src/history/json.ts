// JSONL, and the JSON documents that hold such rows: an array, a trajectory's `points`, the `metrics` of MLflow's API.

import { isSplitName } from "../phases/judge.ts";
import { linesOf } from "./lines.ts";
import { parseJson } from "./parse-json.ts";
import { HistoryError, LinePlace, type Place, prefix, type Row, refusal, type Source, shown } from "./row.ts";

type Fields = Record<string, unknown>;

/**
 * Throws `HistoryError` for a line that is no JSON object; warns of a document that has more pages.
 * @param most characters of one JSON value
 */
export function* readJson({ name, text }: Source, warn: (warning: string) => void, most: number): Generator<Row> {
  const document = wholeDocument(name, text, most);
  if (document !== null) {
    if (document.more !== null) {
      warn(`${prefix(name)}one page of ${document.more}: give all of them as files`);
    }
    for (const [i, item] of document.rows.entries()) yield toRow(item, { source: name, label: `item ${i + 1}` });
    return;
  }
  for (const [line, written] of linesOf(text)) {
    if (written.trim() === "") continue;
    const place = new LinePlace(name, line, line);
    if (written.length > most) throw refusal(place, null, `expected at most ${most} characters`);
    const value = parseJson(written);
    if (value === undefined) throw refusal(place, null, "expected one whole JSON object on a line");
    yield toRow(value, place);
  }
}

interface Document {
  rows: unknown[];
  /** What this is one page of; null where it is whole. */
  more: string | null;
}

/** The rows of a file that is one JSON document; null for JSONL. */
function wholeDocument(name: string, text: string, most: number): Document | null {
  const first = text.trimStart().split(/[\r\n]/, 1)[0] ?? "";
  const opening = first.length > most ? undefined : parseJson(first);
  const several = opening !== undefined && first.length < text.trim().length;
  if (several) return null;
  if (text.length > most) {
    throw new HistoryError(
      `${prefix(name)}expected JSONL, a row a line, or a JSON document of at most ${most} characters`,
    );
  }
  const value = opening ?? parseJson(text);
  if (Array.isArray(value)) return { rows: value, more: null };
  if (!isObject(value)) return null;
  if (value["step"] === undefined) {
    const { points, metrics, next, next_page_token } = value;
    if (Array.isArray(points)) return { rows: points, more: next ? 'a trajectory ("next" is set)' : null };
    if (Array.isArray(metrics)) {
      return { rows: metrics, more: next_page_token ? 'a metric\'s history ("next_page_token" is set)' : null };
    }
    if (Array.isArray(value["runs"]) || isObject(value["run"])) {
      throw new HistoryError(
        `${prefix(name)}a run has only the last value of each metric: give the answers of MLflow's metrics/get-history`,
      );
    }
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

import fc from "fast-check";
import { expect, test } from "vitest";
import { HistoryError, parseHistory, readHistory } from "../../src/history/history.ts";
import type { Point } from "../../src/phases/judge.ts";

const measured = fc.double({ min: 0, max: 1e6, noNaN: true }).map((value) => value + 0);
const perhaps = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 4 });

const result = fc
  .tuple(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 1, noNaN: true }), perhaps(measured))
  .map(([total, share, loss]) => ({ correct: Math.round(share * total), total, loss }));

const statistics = fc
  .record({ norm: perhaps(measured), effectiveRank: perhaps(measured), alpha: perhaps(measured) })
  .filter((layer) => Object.values(layer).some((value) => value !== null));

/** Names that need quotes, hold our own suffixes, or are those of JavaScript's own properties. */
const layerName = fc.oneof(
  fc.constantFrom("blocks.0.mlp", "a_norm", "constructor", "__proto__", 'w "in", out', "é;ß"),
  fc.string({ unit: "binary-ascii", minLength: 1 }).filter((name) => name.trim() === name && !/[\r\n]/.test(name)),
);

const point: fc.Arbitrary<Point> = fc
  .record({
    step: fc.integer({ min: 0, max: 1_000_000_000 }),
    splits: fc
      .dictionary(fc.constantFrom("train", "validation", "ood", "ood:shift", "ood:a_total", "ood:x;y"), result)
      .filter((splits) => Object.keys(splits).length > 0),
    weightNorm: perhaps(measured),
    layers: fc.array(fc.tuple(layerName, statistics), { maxLength: 3 }),
  })
  .map(({ layers, splits, ...rest }) => ({
    ...rest,
    splits: { ...splits },
    ...(layers.length > 0 && { layers: Object.fromEntries(layers) }),
  }));

/** A trajectory, and its points in any order with some of them repeated. */
const arrived = fc.uniqueArray(point, { selector: ({ step }) => step, minLength: 1, maxLength: 12 }).chain((points) =>
  fc.tuple(
    fc.constant(points.toSorted((a, b) => a.step - b.step)),
    fc
      .shuffledSubarray([...points, ...points], { minLength: points.length })
      .map((some) => [...some, ...points.filter((one) => !some.includes(one))]),
  ),
);

type Cells = Map<string, number>;

function toCells({ step, splits, weightNorm, layers = {} }: Point): Cells {
  const cells: Cells = new Map([["step", step]]);
  const add = (name: string, value: number | null | undefined) => {
    if (value !== null && value !== undefined) cells.set(name, value);
  };
  add("weight_norm", weightNorm);
  for (const [split, { correct, total, loss }] of Object.entries(splits)) {
    add(`${split}_correct`, correct);
    add(`${split}_total`, total);
    add(`${split}_loss`, loss);
  }
  for (const [layer, { norm, effectiveRank, alpha }] of Object.entries(layers)) {
    add(`layer:${layer}_norm`, norm);
    add(`layer:${layer}_effective_rank`, effectiveRank);
    add(`layer:${layer}_alpha`, alpha);
  }
  return cells;
}

function writeCsv(points: readonly Point[], delimiter: string, newline: string): string {
  const rows = points.map(toCells);
  const names = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  const quote = (cell: string) => (/[",;\t]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const lines = rows.map((row) => names.map((name) => String(row.get(name) ?? "")));
  return [names, ...lines].map((cells) => cells.map(quote).join(delimiter)).join(newline);
}

test("CSV gives the points that were written, in any order and repeated", () => {
  fc.assert(
    fc.property(
      arrived,
      fc.constantFrom(",", ";", "\t"),
      fc.constantFrom("\n", "\r\n"),
      ([points, rows], ...layout) => {
        expect(parseHistory(writeCsv(rows, ...layout))).toEqual(points);
      },
    ),
  );
});

test("JSONL gives the points that were written, in any order and repeated", () => {
  fc.assert(
    fc.property(arrived, ([points, rows]) => {
      expect(parseHistory(rows.map((row) => JSON.stringify(row)).join("\n"))).toEqual(points);
      expect(parseHistory(rows.map((row) => JSON.stringify(Object.fromEntries(toCells(row)))).join("\n"))).toEqual(
        points,
      );
    }),
  );
});

test("a row for each value gives the points that were written", () => {
  const shuffled = arrived.chain(([points, rows]) => {
    const values = rows.flatMap((row) => {
      const { step, ...cells } = Object.fromEntries(toCells(row));
      return Object.entries(cells).map(([key, value]) => ({ key, value, step }));
    });
    return fc.tuple(fc.constant(points), fc.shuffledSubarray(values, { minLength: values.length }));
  });
  fc.assert(
    fc.property(shuffled, ([points, values]) => {
      expect(parseHistory(values.map((value) => JSON.stringify(value)).join("\n"))).toEqual(points);
    }),
  );
});

/** Text that is nearly a history, so that it reaches further than the first line. */
const garbage = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(
      fc.constantFrom(
        ...["step", "train_accuracy", "train_total", "ood:x_correct", "layer:a_norm", "key", "value", "run_id"],
        ...['"', ",", ";", "\t", "\n", "\r", " ", "0", "1", "-1", "1e999", "NaN", "{", "}", "[", "]", ":", '"step":1'],
        ...['{"step":1}', '"splits":{', '"layers":{', "null", "__proto__", "_step__MIN", "17 0.5 3"],
      ),
    )
    .map((parts) => parts.join("")),
  fc.array(fc.json(), { maxLength: 4 }).map((rows) => rows.join("\n")),
  fc
    .array(
      fc.dictionary(
        fc.constantFrom("step", "splits", "layers", "key", "value", "run", "train_correct"),
        fc.jsonValue(),
      ),
    )
    .map((rows) => rows.map((row) => JSON.stringify(row)).join("\n")),
);

test("whatever is no history is refused in one line, and nothing else is thrown", () => {
  const map = new Map([
    ["key", "step"],
    ["value", "train_accuracy"],
  ]);
  fc.assert(
    fc.property(garbage, fc.constantFrom({}, { run: "1" }, { map }, { percent: true }), (text, options) => {
      try {
        readHistory([{ name: "x", text }], { ...options, totals: new Map([["train", 3]]) });
      } catch (error) {
        expect(error).toBeInstanceOf(HistoryError);
        expect((error as HistoryError).message).not.toMatch(/[\r\n]/);
      }
    }),
    { numRuns: 2000 },
  );
});

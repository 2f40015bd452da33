import { describe, expect, test } from "vitest";
import { type HistoryOptions, readHistory } from "../../src/history/history.ts";

const read = (text: string, options: HistoryOptions = {}) => readHistory([{ name: "export", text }], options);

const totals = new Map([
  ["train", 1000],
  ["validation", 200],
]);

const onlyValidation = new Map([["validation", 200]]);

const point = (step: number, train: number | null, validation: number | null, loss: number | null = null) => ({
  step,
  weightNorm: null,
  splits: {
    ...(train !== null && { train: { correct: train, total: 1000, loss } }),
    ...(validation !== null && { validation: { correct: validation, total: 200, loss: null } }),
  },
});

const points = [point(0, 8, 2), point(100, 1000, 3), point(200, 1000, null), point(300, 1000, 198)];

describe("W&B", () => {
  // A chart's "Export CSV": the axis, then each line's value and the edges of its band, every cell quoted.
  const bands = (name: string) => `"${name}","${name}__MIN","${name}__MAX"`;
  const cells = (value: string) => `"${value}","${value}","${value}"`;
  const chart = [
    `"Step",${bands("sunny-sea-7 - train/acc")},${bands("sunny-sea-7 - val/acc")}`,
    `"0",${cells("0.008")},${cells("0.01")}`,
    `"100",${cells("1")},${cells("0.015")}`,
    `"200",${cells("1")},${cells("")}`,
    `"300",${cells("1")},${cells("0.99")}`,
  ].join("\n");

  const short: [string, string][] = [
    ["Step", "step"],
    ["train/acc", "train_accuracy"],
    ["val/acc", "validation_accuracy"],
  ];
  const long: [string, string][] = short.map(([source, name]) => [
    name === "step" ? source : `sunny-sea-7 - ${source}`,
    name,
  ]);

  test.each([
    { name: "by the metric's name", map: short, run: null },
    { name: "by the column's whole name", map: long, run: null },
    { name: "by run and metric", map: short, run: "sunny-sea-7" },
  ])("a chart's lines are mapped $name", ({ map, run }) => {
    expect(read(chart, { map: new Map(map), totals, run })).toEqual({ points, warnings: [] });
  });

  test("what to map is said where nothing is", () => {
    expect(() => read(chart)).toThrow(
      'export: expected a column "step", found Step, "sunny-sea-7 - train/acc", "sunny-sea-7 - val/acc"; try --map Step=step ' +
        '--map "sunny-sea-7 - train/acc=train_accuracy" --map "sunny-sea-7 - val/acc=validation_accuracy"',
    );
    expect(() => read(chart, { map: new Map(short) })).toThrow("say how many examples the split has: --total train=N");
  });

  test("a metric of two runs is one of them only when that is said", () => {
    const two = '"Step","a-1 - val/acc","b-2 - val/acc"\n"0","0.5","0.25"';
    const options = { map: new Map(short.filter(([source]) => source !== "train/acc")), totals: onlyValidation };
    expect(() => read(two, options)).toThrow(
      "the column of --map val/acc is there for 2 runs (a-1, b-2): choose one with --run a-1",
    );
    expect(read(two, { ...options, run: "b-2" }).points).toEqual([point(0, null, 50)]);
    expect(() => read(two, { ...options, run: "c-3" })).toThrow('--run "c-3": expected the name or id of a run');
  });

  test("the mean of a sampled chart is reported as that", () => {
    const sampled = chart.replace('"100","1","1","1"', '"100","1","0.5","1"');
    expect(read(sampled, { map: new Map(short), totals }).warnings).toEqual([
      expect.stringMatching(/^column "sunny-sea-7 - train\/acc": 1 cell is the mean of a band .*line 3 \(row 2\)/),
    ]);
  });

  const history = new Map([
    ["trainer/global_step", "step"],
    ["train/acc", "train_accuracy"],
    ["val/acc", "validation_accuracy"],
    ["train/loss", "train_loss"],
  ]);

  test("a run's history logs train and validation of one step in several rows", () => {
    // As pandas writes `run.history()`: an index without a name, W&B's own columns, whole numbers with a point.
    const text = [
      ",_step,_runtime,_timestamp,train/acc,train/loss,trainer/global_step,val/acc",
      "0,0,1.5,1700000000.5,0.008,,0.0,",
      "1,1,1.9,1700000000.9,,,0.0,0.01",
      "2,2,2.5,1700000001.5,,,,",
      "3,3,3.5,1700000002.5,,,100.0,0.015",
      "4,4,3.9,1700000002.9,1.0,,100.0,",
      "5,5,4.5,1700000003.5,1.0,,200.0,",
      "6,6,5.5,1700000004.5,1.0,,300.0,0.99",
    ].join("\n");
    expect(read(text, { map: history, totals })).toEqual({ points, warnings: [] });
    expect(() => read(`${text}\n7,7,6.5,1700000005.5,,,300.0,0.5`, { map: history, totals })).toThrow(
      "export: line 9 (row 8), column val/acc: expected 0.99 as step 300 has in export: line 8 (row 7), got 0.5",
    );
    expect(() => read(`${text}\n7,7,6.5,1700000005.5,1.0,,,`, { map: history, totals })).toThrow(
      "export: line 9 (row 8), column trainer/global_step: expected a whole number from 0, got nothing",
    );
  });

  test("rows as json.dumps writes them have NaN and Infinity as bare words", () => {
    const text = [
      '{"_step": 0, "trainer/global_step": 0, "train/acc": 0.008, "val/acc": NaN, "train/loss": Infinity}',
      '{"_step": 1, "trainer/global_step": 0, "val/acc": 0.01, "note": "NaN, -Infinity \\" NaN"}',
      '{"_step": 2, "trainer/global_step": 100, "train/acc": 1, "val/acc": 0.015, "train/loss": 0.5}',
    ].join("\n");
    expect(read(text, { map: history, totals, missing: new Set(["NaN"]) })).toEqual({
      points: [point(0, 8, 2), point(100, 1000, 3, 0.5)],
      warnings: ["column train/loss: 1 cell is not finite, taken as not measured (first at export: line 1 (row 1))"],
    });
    expect(() => read(text, { map: history, totals })).toThrow("column val/acc: expected a finite number or nothing");
  });
});

describe("MLflow", () => {
  const logged: [string, number, number][] = [
    ["train_acc", 0, 0.008],
    ["train_acc", 100, 1],
    ["train_acc", 200, 1],
    ["train_acc", 300, 1],
    ["val_acc", 0, 0.01],
    ["val_acc", 100, 0.015],
    ["val_acc", 300, 0.99],
  ];
  const map = new Map([
    ["train_acc", "train_accuracy"],
    ["val_acc", "validation_accuracy"],
  ]);
  const metrics = logged.map(([key, step, value]) => ({ key, value, timestamp: 1700000000000 + step, step }));
  const csv = (head: string, line: (key: string, step: number, value: number) => string) =>
    [head, ...logged.map(([key, step, value]) => line(key, step, value))].join("\n");

  test.each([
    {
      name: "a chart's CSV",
      text: csv("run_id,key,value,step,timestamp", (key, step, value) => `6f0c,${key},${value},${step},17`),
    },
    {
      name: "the CSV of a run's charts",
      text: csv(
        "Run,Run ID,metric,step,timestamp,value",
        (key, step, value) => `sea,6f0c,"${key}",${step},17,${value}`,
      ),
    },
    {
      name: "the table of its database",
      text: csv("key,value,timestamp,run_uuid,step,is_nan", (key, step, value) => `${key},${value},17,6f0c,${step},0`),
    },
    { name: "the answer of its API", text: JSON.stringify({ metrics }) },
    { name: "values a line each", text: metrics.map((metric) => JSON.stringify(metric)).join("\n") },
  ])("long rows of one step are joined: $name", ({ text }) => {
    expect(read(text, { map, totals })).toEqual({ points, warnings: [] });
  });

  test("a file of the file store is the metric that its path names", () => {
    const file = (key: string, name: string) => ({
      name: `mlruns/0/6f0c/metrics/${name}`,
      text: logged.flatMap(([of, step, value]) => (of === key ? [`17000000${step} ${value} ${step}`] : [])).join("\n"),
    });
    const sources = [file("train_acc", "train_acc"), file("val_acc", "val/acc")];
    const nested = new Map([
      ["train_acc", "train_accuracy"],
      ["val/acc", "validation_accuracy"],
    ]);
    expect(readHistory(sources, { map: nested, totals })).toEqual({ points, warnings: [] });
    const old = { name: "metrics/val_acc", text: "1700000000 0.5" };
    expect(() => readHistory([old], { map, totals })).toThrow('line 1 (row 1): expected "timestamp value step"');
  });

  test("NaN, which its database keeps as 0 beside a mark, is no accuracy of 0", () => {
    const text = "key,value,timestamp,run_uuid,step,is_nan\nval_acc,0,17,6f0c,0,1";
    expect(() => read(text, { map, totals })).toThrow('column val_acc: expected a finite number or nothing, got "NaN"');
  });

  test("values that disagree are refused with both rows", () => {
    const text = `${csv("key,value,step", (key, step, value) => `${key},${value},${step}`)}\nval_acc,0.5,300`;
    expect(() => read(text, { map, totals })).toThrow(
      "line 9 (row 8), column val_acc: expected 0.99 as step 300 has in export: line 8 (row 7), got 0.5",
    );
  });

  test("one run is read, and which one is said where there are more", () => {
    const head = "Run,Run ID,metric,step,timestamp,value";
    const text = `${head}\nsea,6f0c,val_acc,0,17,0.01\nlake,81aa,val_acc,0,17,0.5`;
    const options = { map: new Map([["val_acc", "validation_accuracy"]]), totals: onlyValidation };
    expect(() => read(text, options)).toThrow(
      "line 3 (row 2): the history is there for 2 runs (6f0c, 81aa): choose one with --run 6f0c",
    );
    for (const run of ["81aa", "lake"]) {
      expect(read(text, { ...options, run }).points).toEqual([point(0, null, 100)]);
    }
    expect(() => read(text, { ...options, run: "pond" })).toThrow(
      '--run "pond": expected the name or id of a run, found 6f0c, 81aa',
    );
  });
});

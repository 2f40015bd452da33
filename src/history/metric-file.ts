// A file of MLflow's file store, `mlruns/<experiment>/<run>/metrics/<key>`: one metric, a line "timestamp value step"
// for each value. Two further words, of a dataset that the value belongs to, are left alone.

import { linesOf } from "./lines.ts";
import { HistoryError, LinePlace, type Row, refusal, type Source } from "./row.ts";

const LINE = /^\d+ [^\s,;"]+(?: -?\d+(?: \S+ \S+)?)?$/;

export const isMetricFile = (text: string): boolean =>
  LINE.test(
    text
      .trimStart()
      .split(/[\r\n]/, 1)[0]
      ?.trim() ?? "",
  );

/** Rows of `step` and the metric, which is called as its path below `metrics/` is: of a text without a name, an error. */
export function* readMetricFile({ name, text }: Source): Generator<Row> {
  if (name === "") {
    throw new HistoryError(
      'a metric\'s file of MLflow does not say which metric it is: put its lines into CSV with the columns "key,value,step"',
    );
  }
  const names = ["step", metricOf(name)];
  for (const [line, written] of linesOf(text)) {
    if (written.trim() === "") continue;
    const place = new LinePlace(name, line, line);
    const [, value, step] = written.trim().split(/\s+/);
    if (!LINE.test(written.trim()) || step === undefined) {
      throw refusal(place, null, `expected "timestamp value step" as MLflow writes a metric`);
    }
    yield { names, cells: [step, value], place };
  }
}

/** The path below the last `metrics/`, since a key with slashes is kept in folders; else the file's own name. */
function metricOf(path: string): string {
  const parts = path.split(/[/\\]/);
  const folder = parts.slice(0, -1).lastIndexOf("metrics");
  return folder === -1 ? (parts.at(-1) ?? path) : parts.slice(folder + 1).join("/");
}

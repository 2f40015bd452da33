import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { parseHistory } from "../../src/cli/history.ts";
import { judge } from "../../src/phases/judge.ts";

const folder = join(import.meta.dirname, "../fixtures/trajectories");
const labels = readFileSync(join(folder, "labels.csv"), "utf8")
  .trim()
  .split("\n")
  .slice(1)
  .map((line) => line.split(","))
  .map(([run = "", allowed = "", route = ""]) => ({ run, allowed: allowed.split("|"), route }));

test.each(labels)("$run is $allowed", ({ run, allowed, route }) => {
  const text = gunzipSync(readFileSync(join(folder, `${run}.csv.gz`))).toString();
  const verdict = judge(parseHistory(text), {});
  expect(allowed).toContain(verdict.verdict);
  if (route !== "") expect(verdict.route ?? "none").toBe(route);
});

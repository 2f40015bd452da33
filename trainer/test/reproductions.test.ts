import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { allReproductions, recordingOf, reportOf } from "../scripts/reproduction-report.ts";
import { settingsOf } from "../src/choose-settings.ts";
import { History } from "../src/history.ts";
import { train } from "../src/train.ts";

const flagsByName = new Map(allReproductions.flatMap(({ runs }) => Object.entries(runs)));

// An MLP, the transformer of two layers with batches, the quadratic network, digits, gradient filters, StableMax on bits:
// what each path of a step computes is in these digits.
test.each([
  ...["liu-rate-0.01-decay-1", "power-two-layers", "gromov-p97", "omnigrok-scale-8", "prieto-orthogonal"],
  ...["grokfast-two-blocks-both", "prieto-parity-stablemax", "ungrok-add47-to-.3-s0"],
])("%s is trained to the same bytes as its recording, as far as its second checkpoint", async (name) => {
  const recorded = gunzipSync(await readFile(recordingOf(name))).toString();
  const settings = await settingsOf(flagsByName.get(name) ?? "");
  const history = new History();
  await train({ ...settings, steps: settings.every }, { onCheckpoint: (checkpoint) => history.add(checkpoint) });
  const again = history.toCsv();
  expect(again.split("\n")).toHaveLength(4);
  expect(recorded.slice(0, again.length)).toBe(again);
});

test("the report says what its recordings show, and none is missing", async () => {
  const report = await readFile(join(import.meta.dirname, "../REPRODUCTIONS.md"), "utf8");
  expect(report).toBe(await reportOf(allReproductions));
  expect(report).not.toContain("not run yet");
});

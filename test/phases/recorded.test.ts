import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { readRecordedRuns } from "../../bench/verdict/recorded.ts";
import { DETECTOR_VERSION, judge } from "../../src/phases/judge.ts";

/** One or more of the develop half for each set of verdicts that the labels allow; `npm run bench -- verdict` scores all 270. */
const CHOSEN = new Set([
  "add_normctl__k1_s0",
  "group_complexity__ladder_A5_muon_d256_s0",
  "group_complexity__ladder_A5_muon_d256_s2",
  "group_complexity__ladder_A5_sgdm_d256_s0",
  "group_complexity__ladder_D30_adamw_d256_s4",
  "group_complexity__ladder_D60_adamw_d256_s3",
  "mech__adamw_sc3.0_wd0.01_s1",
  "mech__sgdm_sc3.0_wd0.01_s2",
  "s5_mech__adamw_sc3.0_wd0.01_s2",
  "s5_mech__muon_sc3.0_wd0.01_s3",
  "s5_mech__sgdm_sc1.0_wd0.01_s1",
  "s5_normctl__k3_s1",
  "s5_rescue__adamw_lr0.03_wd0.01_s0",
  "s5_rescue__sgdm_lr0.08_wd0.01_s0",
]);

const runs = readRecordedRuns();

/** What this version of the detector says of all recorded runs; another answer needs another DETECTOR_VERSION. */
test("the detector's version changes with what it says", () => {
  const told = runs.map(({ name, points }) => {
    const { verdict, route, kind, transitions } = judge(points, {});
    return [
      name,
      verdict,
      route,
      kind,
      transitions.map((one) => [one.kind, one.onsetStep, one.settledStep, one.detectedAtStep]),
    ];
  });
  const digest = createHash("sha256").update(JSON.stringify(told)).digest("hex").slice(0, 16);
  expect({ version: DETECTOR_VERSION, digest }).toEqual({ version: "3", digest: "f3381efce40d317a" });
});

test("all recorded runs are there, in two halves", () => {
  expect(runs).toHaveLength(270);
  expect(runs.filter(({ half }) => half === "report")).toHaveLength(134);
});

test.each(runs.filter(({ name }) => CHOSEN.has(name)))("$name is $allowed", ({ points, allowed, route }) => {
  const verdict = judge(points, {});
  expect(allowed).toContain(verdict.verdict);
  if (route !== null) expect(verdict.route ?? "none").toBe(route);
});

import { expect, test } from "vitest";
import { readRecordedRuns } from "../../bench/verdict/recorded.ts";
import { judge } from "../../src/phases/judge.ts";

/** One or more for each verdict that the labels allow; `npm run bench -- verdict` scores all 270. */
const CHOSEN = new Set([
  "add_normctl__k3_s5",
  "group_complexity__capA_S5_adamw_d256_s1",
  "group_complexity__ladder_D30_adamw_d256_s4",
  "group_complexity__ladder_S5_adamw_d256_s0",
  "group_complexity__ladder_S5_sgdm_d256_s1",
  "group_complexity__ladder_Z120_adamw_d256_s1",
  "group_complexity__ladder_Z120_adamw_d256_s3",
  "group_complexity__ladder_Z60_adamw_d256_s2",
  "group_complexity__ladder_Z60_adamw_d256_s4",
  "mech__sgdm_sc3.0_wd0.01_s2",
  "s5_mech__adamw_sc3.0_wd0.01_s2",
  "s5_mech__muon_sc3.0_wd0.01_s3",
  "s5_mech__sgdm_sc3.0_wd0.01_s2",
  "s5_normctl__k3_s1",
  "s5_rescue__adamw_lr0.03_wd0.01_s0",
]);

const runs = readRecordedRuns();

test("all recorded runs are there, in two halves", () => {
  expect(runs).toHaveLength(270);
  expect(runs.filter(({ half }) => half === "report")).toHaveLength(134);
});

test.each(runs.filter(({ name }) => CHOSEN.has(name)))("$name is $allowed", ({ points, allowed, route }) => {
  const verdict = judge(points, {});
  expect(allowed).toContain(verdict.verdict);
  if (route !== null) expect(verdict.route ?? "none").toBe(route);
});

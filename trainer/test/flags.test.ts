import { describe, expect, test } from "vitest";
import { checkpointSteps } from "../src/checkpoint-steps.ts";
import { flagOf, readSettings, settingOptions, settingsHelp } from "../src/flags.ts";
import { defaults } from "../src/settings.ts";
import { parseStepwise, valueAt } from "../src/stepwise.ts";

describe("flags", () => {
  test("there is one for every setting, and the help names it", () => {
    const flags = Object.keys(defaults).map(flagOf);
    expect(Object.keys(settingOptions)).toEqual(flags);
    for (const flag of flags) expect(settingsHelp).toContain(`--${flag} `);
  });

  test("change what they name and nothing else", () => {
    const flags = { task: "divide", "learning-rate": "3e-3", "train-used": "0:1,1000:0.3", seed: "7" };
    expect(readSettings(flags)).toEqual({
      ...defaults,
      ...{ task: "divide", learningRate: 0.003, seed: 7 },
      trainUsed: [
        [0, 1],
        [1000, 0.3],
      ],
    });
  });

  test.each([
    [{ steps: "0" }, "--steps must be a whole number from 1"],
    [{ seed: "-1" }, "--seed must be a whole number from 0"],
    [{ task: "power" }, "--task must be add or subtract"],
    [{ leak: "1.5" }, "--leak must be a number from 0 to 1"],
    [{ "learning-rate": "fast" }, "--learning-rate must be a number"],
    [{ beta1: "1" }, "--beta1 must be a number from 0 and below 1"],
    [{ beta2: "1.5" }, "--beta2 must be a number from 0 and below 1"],
    [{ momentum: "1" }, "--momentum must be a number from 0 and below 1"],
    [{ "grokfast-alpha": "1" }, "--grokfast-alpha must be a number from 0 and below 1"],
    [{ "weight-decay": "0:1,0:2" }, "--weight-decay must be a number, or such numbers by step"],
    [{ corruption: "0:0,100:1.5" }, "--corruption must be a number from 0 to 1, or such numbers by step"],
  ])("%o is refused", (flags, says) => {
    expect(() => readSettings(flags)).toThrow(says);
  });
});

describe("a stepwise setting", () => {
  test.each([
    ["0.5", [[0, 0.5]]],
    [
      "0:1,20:0.25",
      [
        [0, 1],
        [20, 0.25],
      ],
    ],
    ["", null],
    ["5:1", null],
    ["0:1,20", null],
    ["0:1,20:x", null],
    ["0:1,20:1:2", null],
    ["0:1,20:.5,10:.2", null],
  ])("%s", (text, wanted) => {
    expect(parseStepwise(text)).toEqual(wanted);
  });

  test("has each value from its step on", () => {
    const stepwise = parseStepwise("0:1,20:0.25") ?? [];
    expect([0, 19, 20, 1000].map((step) => valueAt(stepwise, step))).toEqual([1, 1, 0.25, 0.25]);
  });
});

test.each([
  { name: "every so often", settings: { steps: 7, every: 3, logCheckpoints: 0 }, wanted: [0, 3, 6, 7] },
  {
    name: "by a constant factor, early ones once",
    settings: { steps: 1000, every: 25, logCheckpoints: 6 },
    wanted: [0, 1, 3, 10, 32, 100, 316, 1000],
  },
])("checkpoints $name", ({ settings, wanted }) => {
  expect([...checkpointSteps(settings)]).toEqual(wanted);
});

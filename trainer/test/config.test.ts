import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chooseSettings } from "../src/choose-settings.ts";
import { parseConfig, readConfig } from "../src/config.ts";
import { flagOf, readSetting, settingNames } from "../src/flags.ts";
import { nearest } from "../src/nearest.ts";
import { presetNames, presetOf } from "../src/presets.ts";
import { defaults, type Settings, train } from "../src/train.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "config-"));
});
afterEach(() => rm(directory, { recursive: true }));

async function written(text: string): Promise<string> {
  const file = join(directory, "run.json");
  await writeFile(file, text);
  return file;
}

describe("a config", () => {
  test("has flags without dashes, or the names of sidecars, and values as strings or numbers", () => {
    const text = '{"task": "divide", "learning-rate": 0.003, "decayFloor": "1", "train-used": "0:1,1000:0.3"}';
    expect(parseConfig(text, "run.json")).toEqual({
      ...{ task: "divide", learningRate: 0.003, decayFloor: 1 },
      trainUsed: [
        [0, 1],
        [1000, 0.3],
      ],
    });
  });

  test.each([
    ['{"learning_rate": 1}', 'run.json has "learning_rate", which is no setting: "learningRate" is the nearest'],
    ['{"wieght-decay": 1}', '"weightDecay" is the nearest'],
    ['{"lerning-rate": 1}', '"learningRate" is the nearest'],
    ['{"steps": 0}', '"steps" in run.json must be a whole number from 1, got "0"'],
    ['{"task": "power"}', '"task" in run.json must be add or subtract'],
    ['{"steps": null}', '"steps" in run.json must be a string, a number or a list of [step, value] pairs'],
    ['{"train-used": [[0, 1], [5]]}', '"train-used" in run.json must be a string, a number or a list'],
    ['{"weight-decay": 1, "weightDecay": 2}', 'run.json has weightDecay twice, once as "weightDecay"'],
    ["[]", "run.json must be an object like"],
    ["{", "run.json is not JSON"],
  ])("%s is refused", (text, says) => {
    expect(() => parseConfig(text, "run.json")).toThrow(says);
  });

  test("is there, or the sentence says that it is not", async () => {
    await expect(readConfig(join(directory, "none.json"))).rejects.toThrow("none.json cannot be read: ENOENT");
  });

  test("can be what a sidecar has of settings", async () => {
    const settings: Settings = {
      ...defaults,
      modulus: 7,
      weightDecay: [
        [0, 1],
        [5, 0.5],
      ],
      seed: 3,
    };
    const config = await written(JSON.stringify(settings));
    expect(await chooseSettings({ config })).toEqual(settings);
  });
});

test("flags override the config, which overrides the preset", async () => {
  const config = await written('{"steps": 70, "seed": 4}');
  const settings = await chooseSettings({ preset: "gromov2023", config, seed: "5" });
  expect(settings).toEqual({ ...defaults, ...presetOf("gromov2023").settings, steps: 70, seed: 5 });
  await expect(chooseSettings({ preset: "grokfast" })).rejects.toThrow(
    'there is no preset "grokfast": "grokfast2024" is the nearest',
  );
});

test.each([
  ["lr", ["learningRate", "layers"], "layers"],
  ["weight_decay", ["weightDecay", "decayTo"], "weightDecay"],
  ["TASK", ["steps", "task"], "task"],
])("the nearest to %s of %j is %s", (key, names, wanted) => {
  expect(nearest(key, names)).toBe(wanted);
});

describe.each(presetNames)("the preset %s", (name) => {
  const settings: Settings = { ...defaults, ...presetOf(name).settings };

  test("has settings that flags would take", () => {
    for (const setting of settingNames) {
      const value = settings[setting];
      const text = Array.isArray(value) ? value.map((pair) => pair.join(":")).join() : String(value);
      expect(readSetting(setting, flagOf(setting), text)).toEqual(value);
    }
  });

  test("makes a task, a network and an optimizer that train", async () => {
    // Full-size tables and networks; a few examples, so that the test is a matter of seconds.
    const last = await train({ ...settings, steps: 1, every: 1, logCheckpoints: 0, trainUsed: [[0, 0.02]] });
    expect(Number.isFinite(last.weightNorm)).toBe(true);
    expect([...last.splits.keys()].filter((split) => split.startsWith("ood:")).length).toBeGreaterThanOrEqual(2);
  }, 60_000);
});

test("every paper has its full size and a small one, and says what is not the same", () => {
  const full = presetNames.filter((name) => !name.endsWith("-small"));
  expect(full).toHaveLength(8);
  expect([...presetNames].sort()).toEqual(full.flatMap((name) => [name, `${name}-small`]).sort());
  for (const name of presetNames) expect(presetOf(name).differs).not.toBe("");
});

test("the command lists presets, prints a chosen one in full, and leaves it in the sidecar", async () => {
  const grok = (...flags: string[]) =>
    spawnSync(process.execPath, [join(import.meta.dirname, "../src/grok.ts"), ...flags], { encoding: "utf8" });
  expect(grok("--list-presets").stdout).toContain("nanda2023-small");

  const out = join(directory, "run");
  const { stderr, status } = grok(
    "--preset",
    "gromov2023-small",
    "--modulus",
    "7",
    "--mirror-pairs",
    "4",
    "--steps",
    "2",
    "--out",
    out,
  );
  expect(status).toBe(0);
  const wanted = { ...defaults, ...presetOf("gromov2023-small").settings, modulus: 7, mirrorPairs: 4, steps: 2 };
  expect(stderr).toContain(JSON.stringify(wanted));
  const sidecar = JSON.parse(await readFile(join(out, "ckpt_000002.json"), "utf8")) as { [key: string]: unknown };
  expect([sidecar["preset"], sidecar["settings"]]).toEqual(["gromov2023-small", wanted]);
}, 30_000);

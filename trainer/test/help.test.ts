import { describe, expect, test, vi } from "vitest";
import { runTrainer } from "./commands.ts";

// Each test starts several processes, and a busy machine takes ten seconds for one.
vi.setConfig({ testTimeout: 120_000 });

describe.each(["src/grok.ts", "scripts/sweep.ts", "scripts/record.ts", "scripts/seeds.ts"])("%s", (script) => {
  test("--help tells of every flag and status, on stdout", async () => {
    const { code, stdout, stderr } = await runTrainer(script, ["--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^ {2}--seeds? /m);
    expect(stdout).toMatch(/exits with/i);
  });

  test("a flag that there is not is told with the nearest, and status 2", async () => {
    const { code, stdout, stderr } = await runTrainer(script, ["--seedz", "3"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^there is no flag --seedz: --seeds? is the nearest\n--help tells of every flag\n$/);
  });
});

test.each([
  [["--seeds", "0"], '--seeds must be a whole number from 1, got "0"'],
  [["--first", "-"], '--first must be a whole number from 0, got "-"'],
])("seeds refuses %j", async (args, says) => {
  const { code, stderr } = await runTrainer("scripts/seeds.ts", args);
  expect([code, stderr]).toEqual([2, `${says}\n--help tells of every flag\n`]);
});

test("record refuses a part of the collection that it does not have", async () => {
  const { code, stderr } = await runTrainer("scripts/record.ts", ["--collection", "x", "--match", "no such run"]);
  expect([code, stderr]).toEqual([2, expect.stringContaining('has "no such run" (--match) in its name')]);
});

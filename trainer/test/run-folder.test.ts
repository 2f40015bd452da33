import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { runTrainer, small } from "./commands.ts";
import { pushedSteps, startService } from "./local-server.ts";

// Each test starts several processes, and a busy machine takes ten seconds for one.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "folder-"));
});
afterEach(() => rm(directory, { recursive: true }));

// As root, which CI may be, these are the folders that cannot be written to; other systems have none of them.
describe.skipIf(process.platform !== "linux")("a folder that files cannot be written to is told at once", () => {
  test.each([
    { of: "that is there", folder: "/proc" },
    { of: "that cannot be made", folder: "/proc/x" },
    { of: "whose parent cannot be made", folder: "/proc/x/y" },
    { of: "that is a file", folder: "/dev/null" },
    { of: "below a file", folder: "/dev/null/x" },
  ])("one $of", async ({ folder }) => {
    const { code, stdout, stderr } = await runTrainer("src/grok.ts", ["--out", folder, ...small]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(`files cannot be written to the folder ${folder}: `);
    expect(stderr).not.toContain("0/40");
  });

  test.each(["/proc/x", "/dev/null/x"])("by --resume too, which looks for a state first: %s", async (folder) => {
    const { code, stderr } = await runTrainer("src/grok.ts", ["--out", folder, "--resume", ...small]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`to the folder ${folder}: `)]);
  });

  test("by record, whose file would come after hours, and by sweep", async () => {
    const record = await runTrainer("scripts/record.ts", ["--out", "/proc/x/run.csv", ...small]);
    expect([record.code, record.stderr]).toEqual([2, expect.stringContaining("to the folder /proc/x: ")]);
    const swept = ["--url", "http://localhost:1", "--ensemble", "e", "--out", "/proc/x", ...small];
    const sweep = await runTrainer("scripts/sweep.ts", swept, "key");
    expect([sweep.code, sweep.stderr]).toEqual([2, expect.stringContaining("to the folder /proc/x: ")]);
  });
});

test("record refuses a folder in the place of its file", async () => {
  const { code, stderr } = await runTrainer("scripts/record.ts", ["--out", directory, ...small]);
  expect([code, stderr]).toEqual([2, expect.stringContaining(`cannot be written to ${directory}: it is a folder`)]);
});

test("what cannot be trained makes no folder", async () => {
  const out = join(directory, "none");
  expect((await runTrainer("src/grok.ts", ["--out", out, "--modulus", "10"])).code).toBe(2);
  expect(await readdir(directory)).toEqual([]);
});

describe("a folder that holds a run", () => {
  beforeEach(async () => {
    await mkdir(join(directory, "a"));
    expect((await runTrainer("src/grok.ts", ["--out", join(directory, "a"), ...small])).code).toBe(0);
  });

  test("is not written over by another one, nor by the same", async () => {
    const before = await contentsOf(join(directory, "a"));
    for (const seed of ["0", "1"]) {
      const args = ["--out", join(directory, "a"), ...small, "--seed", seed];
      const { code, stderr } = await runTrainer("src/grok.ts", args);
      expect(code).toBe(2);
      expect(stderr).toContain("holds a run, up to step 40: --resume goes on with it, and another folder begins");
    }
    expect(await contentsOf(join(directory, "a"))).toEqual(before);
  });

  test("is not gone on with by other settings, also where its state is gone", async () => {
    const args = ["--out", join(directory, "a"), "--resume", ...small, "--learning-rate", "0.5"];
    for (const _ of ["with its state", "without"]) {
      const { code, stderr } = await runTrainer("src/grok.ts", args);
      expect([code, stderr]).toEqual([2, expect.stringContaining("trained with learningRate 0.01, not 0.5")]);
      await rm(join(directory, "a", "state.safetensors"), { force: true });
    }
  });
});

test("what is no run is left alone", async () => {
  await writeFile(join(directory, "notes.txt"), "mine");
  expect((await runTrainer("src/grok.ts", ["--out", directory, ...small])).code).toBe(0);
  expect(await readFile(join(directory, "notes.txt"), "utf8")).toBe("mine");
});

// /dev/full is a disk without room, and a part is written through the link that stands in its place.
describe.skipIf(process.platform !== "linux")("a disk that fills up", () => {
  let whole: Record<string, string>;
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "whole-"));
    expect((await runTrainer("src/grok.ts", ["--out", folder, ...small])).code).toBe(0);
    whole = await contentsOf(folder);
    await rm(folder, { recursive: true });
  });

  test.each(["ckpt_000020.onnx", "ckpt_000020.json", "state.safetensors"])(
    "at %s ends the run, which goes on when there is room, and loses nothing",
    async (file) => {
      const full = join(directory, "full");
      await mkdir(full);
      await symlink("/dev/full", join(full, `${file}.part`));
      await using service = await startService();
      const args = ["--out", full, "--url", service.url, "--resume", ...small];
      const { code, stderr } = await runTrainer("src/grok.ts", args, "key");
      expect(code).toBe(1);
      expect(stderr).toContain(`${join(full, file)} cannot be written: ENOSPC: no space left on device`);
      const step = file === "state.safetensors" ? 0 : 10;
      if (step > 0) {
        expect(stderr).toContain(`${full} holds the run up to step ${step}: resumed, it goes on from there`);
        expect(pushedSteps(service)).toEqual([0, 10]);
      }
      expect((await readdir(full)).filter((name) => name.endsWith(".part"))).toEqual([]);

      expect((await runTrainer("src/grok.ts", args, "key")).code).toBe(0);
      expect([...new Set(pushedSteps(service))]).toEqual([0, 10, 20, 30, 40]);
      expect(await contentsOf(full)).toEqual(whole);
    },
  );
});

async function contentsOf(folder: string): Promise<Record<string, string>> {
  const names = await readdir(folder);
  const files = names.map(async (name) => [name, (await readFile(join(folder, name))).toString("base64")] as const);
  return Object.fromEntries(await Promise.all(files));
}

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "ensemble-"));
afterAll(() => rmSync(folder, { recursive: true }));

function ensemble(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "src/cli/ensemble.ts"), ...args], {
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

/** A run that crosses at a checkpoint of 40, or never, on 200 examples. */
function run(name: string, at: number, packed = false): string {
  const rows = Array.from({ length: 40 }, (_, i) => `${i * 100},1.0,100,${i < at ? 2 : 198},200`);
  const text = ["step,train_accuracy,train_total,ood:shift_correct,ood:shift_total", ...rows].join("\n");
  const path = join(folder, name);
  writeFileSync(path, packed ? gzipSync(text) : text);
  return path;
}

const never = 99;
const seeds = [14, 17, 19, 21, 23, 26].map((at, i) => run(`add_s${i}.csv.gz`, at, true));
const sweep = [0, 0.5, 1, 1.5, 2].flatMap((decay, j) =>
  Array.from({ length: 8 }, (_, i) => run(`add_d128_wd${decay}_s${i}.csv`, i < 2 * j ? 5 : never)),
);

describe("an ensemble", () => {
  test("prints its document", () => {
    const { status, stdout, stderr } = ensemble(...seeds, "--chance", "0", "--json");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ members: 6, splits: ["ood:shift"], examples: 200, throughStep: 3900 });
    expect(document.outcomes).toMatchObject({ counts: { grokking: 6 }, majority: "grokking" });
    expect(document.reading.curve).toHaveLength(40);
    // By checkpoint 19 to 20 three of the six have crossed.
    expect(document.reading.peak.at).toBe(1900);
  });

  test("prints what a person reads", () => {
    const { status, stdout } = ensemble(...seeds, "--classes", "97");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^6 members on ood:shift, N 200\noutcomes: grokking 6 \(mostly grokking\)\n/);
    expect(stdout).toContain("susceptibility peaks at step 1900 (between");
  });

  test("says what too few runs cannot tell, and their outcomes by a gap of one's own", () => {
    const { status, stdout } = ensemble(...seeds.slice(0, 3), "--gap", "1800", "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout).outcomes.counts).toMatchObject({ comprehension: 2, grokking: 1 });
    expect(JSON.parse(stdout).reading).toMatchObject({ insufficient: "too_few_members" });
  });
});

describe("a sweep", () => {
  test("takes settings from the names of the files", () => {
    const { status, stdout } = ensemble(...sweep, "--setting", "wd", "--size", "d", "--chance", "0", "--json");
    expect(status).toBe(0);
    const { cells, critical } = JSON.parse(stdout);
    expect(cells).toHaveLength(5);
    expect(cells[1]).toMatchObject({ setting: 0.5, size: 128, members: 8 });
    expect(cells[1].final.m).toBeCloseTo(0.01 + (0.98 * 2) / 8);
    expect(critical).toMatchObject([{ size: 128, setting: { at: 1 } }]);
  });

  test("takes settings file by file", () => {
    const told = seeds.flatMap((_, i) => ["--setting", `add_s${i}.csv.gz=${i < 3 ? 1 : 1e-2}`]);
    const { status, stdout } = ensemble(...seeds, ...told);
    expect(status).toBe(0);
    expect(stdout).toContain("0.01: 3 members, m not told");
    expect(stdout).toContain("critical setting: not told");
  });
});

const broken = join(folder, "broken.csv");
writeFileSync(broken, "step,train_accuracy,train_total\n0,1.5,100\n");

test.each([
  { name: "no file", args: [], line: /^usage: ensemble/ },
  { name: "a missing file", args: ["nowhere.csv"], line: /^nowhere\.csv: no such file$/ },
  { name: "a broken one among others", args: [...seeds, broken], line: /broken\.csv: .*train_accuracy/ },
  { name: "a file twice", args: [...seeds, seeds[0] ?? ""], line: /given twice/ },
  { name: "a setting that names lack", args: [...seeds, "--setting", "wd"], line: /expected a number after "wd"/ },
  { name: "part of a word", args: [...sweep, "--setting", "w"], line: /expected a number after "w"/ },
  { name: "a setting that is no number", args: [...seeds, "--setting", "add_s0.csv.gz=high"], line: /finite number/ },
  { name: "settings of some files only", args: [...seeds, "--setting", "add_s0.csv.gz=1"], line: /add_s1\.csv\.gz/ },
  { name: "a gap below 0", args: [...seeds, "--gap=-1"], line: /--gap expects a number of steps from 0, got "-1"/ },
  { name: "sizes without settings", args: [...seeds, "--size", "s"], line: /--setting too/ },
  { name: "an unknown option", args: [...seeds, "--split", "ood"], line: /Unknown option '--split'/ },
])("exit code 2 and one clear line for $name", ({ args, line }) => {
  const { status, stdout, stderr } = ensemble(...args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(stderr.trimEnd()).toMatch(line);
});

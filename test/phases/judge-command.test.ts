import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { readOptions, UsageError } from "../../src/cli/judge-options.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "judge-"));
afterAll(() => rmSync(folder, { recursive: true }));

const grokked = join(root, "test/fixtures/trajectories/group_complexity__ladder_S5_adamw_d256_s0.csv.gz");

const judge = (...args: string[]) => judgeOf("", ...args);

function judgeOf(input: string | Uint8Array, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "src/cli/judge.ts"), ...args], {
    encoding: "utf8",
    input,
  });
  return { status, stdout, stderr };
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const HEAD = "step,train_accuracy,train_total,ood:shift_correct,ood:shift_total,weight_norm,epoch";
const row = (step: number, ood = 3) => `${step},1.0,100,${ood},200,40.5,x`;
const csv = [HEAD, ...Array.from({ length: 20 }, (_, i) => row(i * 5))].join("\n");

describe("a readable history", () => {
  test("prints the verdict document", () => {
    const { status, stdout } = judge(grokked, "--json");
    expect(status).toBe(0);
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ detectorVersion: "3", verdict: "generalizer", route: "grokked", forecast: null });
    expect(document.transitions[0]).toMatchObject({ id: null, kind: "generalization", split: "validation" });
    expect(document).not.toHaveProperty("model");
    expect(document).not.toHaveProperty("suite");
  });

  test("prints short text", () => {
    const { status, stdout } = judge(grokked);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^generalizer \(grokked\)\nDo not deploy yet, measure an OOD split first/);
    // 1.96 sqrt(1/2n) of the split's n, beside its floor; and the n of one point.
    const [, n = "", resolves] = /^validation .* of (\d+) .*\(chance 0\.\d+, resolves (0\.\d+)\)$/m.exec(stdout) ?? [];
    expect(Number(resolves)).toBeCloseTo(1.959964 * Math.sqrt(0.5 / Number(n)), 3);
    expect(stdout).toContain("a change of .01 takes 19208 examples");
  });

  test("is read through a step", () => {
    const document = JSON.parse(judge(grokked, "--json", "--through", "400").stdout);
    expect(document).toMatchObject({ verdict: "insufficient_evidence", asOfStep: 400, checkpoints: 5 });
  });

  test("may be packed or not", () => {
    const [packed, plain] = [file("packed.csv.gz", gzipSync(csv)), file("plain.csv", csv)];
    const documents = [packed, plain].map((path) => judge(path, "--json", "--classes", "50").stdout);
    expect(JSON.parse(documents[0] ?? "")).toMatchObject({ verdict: "memorizer", checkpoints: 20 });
    expect(documents[1]).toBe(documents[0]);
  });

  test("takes chance as classes or as a fraction", () => {
    const path = file("chance.csv", csv);
    const chance = (...args: string[]) => JSON.parse(judge(path, "--json", ...args).stdout).evidence.splits[1].chance;
    expect(chance("--classes", "50")).toBe(0.02);
    expect(chance("--chance", "0.02")).toBe(0.02);
    expect(chance("--chance", "ood:shift=0.05")).toBe(0.05);
    expect(chance("--chance", "train=0", "--chance", "0.02")).toBe(0.02);
    expect(chance("--classes", "50", "--chance", "ood:shift=0.05")).toBe(0.05);
  });

  test("comes from the standard input, packed or not", () => {
    const documents = [csv, gzipSync(csv)].map((input) => judgeOf(input, "-", "--json", "--classes", "50").stdout);
    expect(JSON.parse(documents[0] ?? "")).toMatchObject({ verdict: "memorizer", checkpoints: 20 });
    expect(documents[1]).toBe(documents[0]);
  });

  test("with other names, percentages and no totals is read as the options say", () => {
    const rows = Array.from({ length: 20 }, (_, i) => `"${i * 5}","100","${i < 5 ? 2 : ""}","${i >= 5 ? 2 : ""}"`);
    const text = ['"Step","run=a - train acc","run=a - shift","late=shift"', ...rows].join("\n");
    const maps = ["Step=step", "run=a - train acc=train_accuracy", "shift=ood:shift_accuracy"];
    const args = [...maps, "late=shift=ood:shift_accuracy"].flatMap((map) => ["--map", map]);
    const totals = ["--total", "train=100", "--total", "ood:shift=200"];
    const other = judge(file("other.csv", text), "--json", "--percent", "--classes", "50", ...args, ...totals);
    expect(other).toMatchObject({ status: 0, stderr: "" });
    expect(JSON.parse(other.stdout)).toEqual(
      JSON.parse(
        judge(
          file("ours.csv", csv.replaceAll(",40.5,", ",,").replaceAll(",3,200", ",4,200")),
          "--json",
          "--classes",
          "50",
        ).stdout,
      ),
    );
  });

  test("in several files is one", () => {
    const [train, ood] = ["train_accuracy", "ood:shift_accuracy"].map((name) =>
      file(`${name.slice(0, 3)}.csv`, [`step,${name}`, ...Array.from({ length: 20 }, (_, i) => `${i},0.5`)].join("\n")),
    );
    const document = judge(train ?? "", ood ?? "", "--json", "--total", "train=10", "--total", "ood:shift=10").stdout;
    expect(JSON.parse(document)).toMatchObject({ checkpoints: 20, evidence: { splits: [{}, {}] } });
  });

  test("is judged by a policy", () => {
    const policy = file("policy.json", '{ "minimumCheckpoints": 30 }');
    const path = file("policy.csv", csv);
    expect(JSON.parse(judge(path, "--json", "--policy", policy).stdout)).toMatchObject({
      verdict: "insufficient_evidence",
    });
  });

  test("warns on stderr of what it does not use, and judges", () => {
    const { status, stdout, stderr } = judge(
      file("warned.csv", csv.replace("40.5", "NaN").replace("epoch", "test_acc")),
      "--json",
    );
    expect({ status, checkpoints: JSON.parse(stdout).checkpoints }).toEqual({ status: 0, checkpoints: 20 });
    expect(stderr.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/^warning: column weight_norm: 1 cell is not finite/),
      expect.stringMatching(/^warning: not read: test_acc;/),
    ]);
  });

  test("with no rows is no evidence", () => {
    expect(JSON.parse(judge(file("head.csv", HEAD), "--json").stdout)).toMatchObject({
      asOfStep: null,
      checkpoints: 0,
    });
  });
});

describe("refused with one line that says where", () => {
  test.each([
    {
      name: "a bad cell",
      text: `${HEAD}\n${row(0)}\n5,nan,100,3,200,40,x`,
      want: 'bad.csv: line 3 (row 2), column train_accuracy: expected a finite number or nothing, got "nan"',
    },
    {
      name: "repeats that disagree",
      text: `${HEAD}\n${row(5)}\n${row(5, 4)}`,
      want: "column ood:shift_correct: expected 3 as step 5 has",
    },
    { name: "no split", text: "step,a\n0,1", want: "try --map COLUMN=validation_accuracy" },
  ])("$name", ({ text, want }) => {
    const { status, stdout, stderr } = judge(file("bad.csv", text));
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr.trimEnd().split("\n")).toEqual([expect.stringContaining(want)]);
  });

  test.each([
    { name: "no such file", args: ["/nowhere.csv"], want: "no such file" },
    { name: "a folder", args: [folder], want: "cannot be read" },
    { name: "a cut gzip", args: [file("cut.csv.gz", gzipSync(csv).subarray(0, 60))], want: "expected whole gzip data" },
    { name: "an unknown flag", args: [grokked, "--fast"], want: "Unknown option '--fast'" },
    { name: "no file", args: [], want: "usage: judge FILE" },
    { name: "a chance of no split", args: [grokked, "--chance", "ood=.5"], want: "the history has train, validation" },
    {
      name: "a map from no column",
      args: [grokked, "--map", "a=ood_accuracy"],
      want: "expected a column a, found step",
    },
    { name: "a run of none", args: [grokked, "--run", "a"], want: "found no runs" },
    { name: "an unknown policy", args: [grokked, "--policy", file("p.json", '{"flor":1}')], want: "got flor: 1" },
    { name: "a policy of no JSON", args: [grokked, "--policy", file("p.txt", "x")], want: "got no JSON" },
    { name: "no UTF-8", args: [file("latin.csv", Uint8Array.of(0x73, 0xe9))], want: "expected UTF-8 text" },
  ])("$name", ({ args, want }) => {
    const { status, stderr } = judge(...args);
    expect(status).toBe(2);
    expect(stderr.trimEnd().split("\n")).toEqual([expect.stringContaining(want)]);
  });
});

test.each([
  { name: "a bad option", args: ["--classes", "1"], want: "--classes expects" },
  { name: "two chances", args: ["--classes", "2", "--chance", ".5"], want: "give one" },
  { name: "a chance of 1", args: ["--chance", "train=1"], want: "--chance expects [SPLIT=]X" },
  { name: "a map to no column", args: ["--map", "acc=accuracy"], want: "--map expects COLUMN=NAME" },
  { name: "a map to two", args: ["--map", "a=step", "--map", "a=weight_norm"], want: '"a" is there twice' },
  { name: "a total of half", args: ["--total", "train=1.5"], want: "--total expects SPLIT=N" },
  { name: "two totals", args: ["--total", "train=9", "--total", "train=8"], want: "train is there twice" },
  { name: "a total of no split", args: ["--total", "test=9"], want: "--total expects SPLIT=N" },
  { name: "the standard input twice", args: ["-", "-"], want: "is there once" },
])("an option that is refused before any file is read: $name", ({ args, want }) => {
  const read = () => readOptions(["history.csv", ...args]);
  expect(read).toThrow(UsageError);
  expect(read).toThrow(want);
});

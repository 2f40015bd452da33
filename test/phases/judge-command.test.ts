import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "judge-"));
afterAll(() => rmSync(folder, { recursive: true }));

const grokked = join(root, "test/fixtures/trajectories/group_complexity__ladder_S5_adamw_d256_s0.csv.gz");

function judge(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "src/cli/judge.ts"), ...args], {
    encoding: "utf8",
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
    expect(document).toMatchObject({ detectorVersion: "1", verdict: "generalizer", route: "grokked", forecast: null });
    expect(document.transitions[0]).toMatchObject({ id: null, kind: "generalization", split: "validation" });
    expect(document).not.toHaveProperty("model");
    expect(document).not.toHaveProperty("suite");
  });

  test("prints short text", () => {
    const { status, stdout } = judge(grokked);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^generalizer \(grokked\)\nDo not deploy yet, measure an OOD split first/);
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
      want: 'line 3 (row 2), column train_accuracy: expected a finite number or nothing, got "nan"',
    },
    { name: "repeats that disagree", text: `${HEAD}\n${row(5)}\n${row(5, 4)}`, want: "step 5 is there twice" },
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
    { name: "a bad option", args: [grokked, "--classes", "1"], want: "--classes expects" },
    { name: "two chances", args: [grokked, "--classes", "2", "--chance", ".5"], want: "give one" },
  ])("$name", ({ args, want }) => {
    const { status, stderr } = judge(...args);
    expect(status).toBe(2);
    expect(stderr.trimEnd().split("\n")).toEqual([expect.stringContaining(want)]);
  });
});

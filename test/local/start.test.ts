import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");
const data = mkdtempSync(join(tmpdir(), "curie-point-start-"));
afterAll(() => rmSync(data, { recursive: true, force: true }));

function start(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(ROOT, "local", "start.ts"), ...args], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

test("npm start -- --once watches a network grok and ends with its verdict as JSON", { timeout: 300_000 }, async () => {
  const { code, stdout, stderr } = await start("--once", "--port", "0", "--data", data);
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  const verdict: unknown = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
  expect(verdict).toMatchObject({
    verdict: "generalizer",
    route: "grokked",
    deployable: true,
    asOfStep: 1500,
    checkpoints: 61,
    forecast: null,
  });
  expect(stderr).toMatch(/Dashboard {2}http:\/\/127\.0\.0\.1:\d+\/models\//);
  // The phases were shown as they changed, not only at the end.
  expect(stderr).toMatch(/-> transitioning/);
});

test.each([
  { args: ["--twice"], says: "Unknown option '--twice'" },
  { args: ["--port", "99999"], says: "--port 99999 is not a port" },
  { args: ["--seed", "x"], says: "--seed x is not a whole number" },
])("refuses $args in one line, with the usage", async ({ args, says }) => {
  const { code, stdout, stderr } = await start(...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr.split("\n")[0]).toContain(says);
  expect(stderr).toContain("usage: npm start");
});

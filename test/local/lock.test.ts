import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockFolder } from "../../local/lock.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "curie-point-lock-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a second lock is refused while the first is held, and granted after its release", () => {
  const release = lockFolder(folder);
  expect(() => lockFolder(folder)).toThrow(`another stack (process ${process.pid}) is using the data folder ${folder}`);
  release();
  lockFolder(folder)();
  expect(readdirSync(folder)).toEqual([]);
});

test("the lock of a process that has ended is taken over", () => {
  const { pid } = spawnSync(process.execPath, ["--version"]);
  writeFileSync(join(folder, "lock"), `${pid} 1\n`);
  lockFolder(folder)();
});

test.runIf(process.platform === "linux")("a process id that was given to another program does not hold a lock", () => {
  writeFileSync(join(folder, "lock"), `${process.pid} 1\n`);
  const release = lockFolder(folder);
  expect(readFileSync(join(folder, "lock"), "utf8")).toMatch(new RegExp(`^${process.pid} (?!1\n)`));
  release();
});

test("an empty lock file, which a crash of the machine may leave, does not lock for ever", () => {
  writeFileSync(join(folder, "lock"), "");
  lockFolder(folder)();
});

test("a folder that cannot be made is one line", () => {
  writeFileSync(join(folder, "file"), "");
  expect(() => lockFolder(join(folder, "file", "data"))).toThrow(/^the data folder .* cannot be written: [^\n]*$/);
});

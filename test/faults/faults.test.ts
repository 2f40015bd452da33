import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { ROOT } from "../../local/root.ts";
import { POSTGRES_MISSING, startPostgresServer } from "./postgres.ts";

const server = await startPostgresServer();
server?.close();

/** For one that hangs: alone they take one to two minutes. */
const A_BUSY_MACHINE_MS = 900_000;

/** As `npm run faults` does: a process of its own, for ONNX Runtime's module must be kept out of it. */
async function faults(...options: string[]): Promise<string> {
  const main = ["--import", "./test/faults/without-wasm.ts", "test/faults/main.ts"];
  const { stdout } = await promisify(execFile)(process.execPath, [...main, ...options], { cwd: ROOT });
  return stdout;
}

// The short form: `npm run faults` runs a thousand.
test.skipIf(server === null)(
  `twelve schedules with faults (${server === null ? POSTGRES_MISSING : "real Postgres"})`,
  async () => {
    expect(await faults("--schedules", "12")).toMatch(/^12 schedules in this process, .*: 0 failed\n$/);
  },
  A_BUSY_MACHINE_MS,
);

// And two hundred of these with --kill.
test.skipIf(server === null)(
  "four schedules with processes killed",
  async () => {
    expect(await faults("--kill", "--schedules", "4")).toMatch(/\n4 schedules with \d+ kills, .*: 0 failed\n$/);
  },
  A_BUSY_MACHINE_MS,
);

test.skipIf(server === null)(
  "each planted defect is found by the invariant that it breaks",
  async () => {
    expect(await faults("--plants")).toMatch(/ planted defects, 0 not found\n$/);
  },
  A_BUSY_MACHINE_MS,
);

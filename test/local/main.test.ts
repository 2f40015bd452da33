import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";

let folder: string;
let children: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "curie-point-main-"));
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

function run(...args: string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "fixtures", "main.ts"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += chunk));
  child.stderr.on("data", (chunk) => (output.stderr += chunk));
  const ended = once(child, "close").then(([code]) => ({ code: Number(code), ...output }));
  const ready = async (): Promise<{ url: string; adminKey: string }> => {
    while (!output.stdout.includes("\n")) {
      if (child.exitCode !== null) throw new Error(output.stderr);
      await pause(20);
    }
    return JSON.parse(output.stdout);
  };
  return { child, ended, ready };
}

/** Of the folder's workerd processes, which name it in their command line. */
function runtimes(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(join(folder, "workerd"));
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function untilGone(): Promise<void> {
  for (const end = Date.now() + 5_000; runtimes().length > 0; await pause(20)) {
    if (Date.now() > end) throw new Error(`still running: ${runtimes()}`);
  }
}

test("it prints one line of JSON when it answers, and Ctrl-C ends it with all it started", async () => {
  const { child, ended, ready } = run("--port", "0", "--data", folder);
  const { url, adminKey } = await ready();
  expect((await fetch(url)).status).toBe(200);
  expect(readFileSync(join(folder, "admin-key"), "utf8").trim()).toBe(adminKey);
  if (process.platform === "linux") expect(runtimes()).toHaveLength(2);
  child.kill("SIGINT");
  const { code, stdout } = await ended;
  expect(code).toBe(0);
  expect(stdout.trim().split("\n")).toHaveLength(1);
  if (process.platform === "linux") expect(runtimes()).toEqual([]);
  expect(readdirSync(folder)).not.toContain("lock");
}, 30_000);

test("Ctrl-C while it starts ends it, too", async () => {
  const { child, ended } = run("--port", "0", "--data", folder);
  for (const end = Date.now() + 5_000; !readdirSync(folder).includes("lock") && Date.now() < end; ) await pause(5);
  child.kill("SIGINT");
  expect(await ended).toMatchObject({ code: 130, stdout: "" });
  expect(readdirSync(folder)).not.toContain("lock");
}, 30_000);

test.runIf(process.platform === "linux")(
  "killed, it takes its Workers with it, and the folder opens again",
  async () => {
    const first = run("--port", "0", "--data", folder);
    await first.ready();
    const pids = runtimes();
    expect(pids).toHaveLength(2);
    first.child.kill("SIGKILL");
    await first.ended;
    await untilGone();
    const second = run("--port", "0", "--data", folder);
    await second.ready();
    second.child.kill("SIGTERM");
    expect((await second.ended).code).toBe(0);
  },
  30_000,
);

test("a taken port is one line", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? String(address.port) : "";
  const { code, stderr, stdout } = await run("--port", port, "--data", folder).ended;
  server.close();
  expect({ code, stderr, stdout }).toEqual({
    code: 1,
    stderr: `port ${port} is taken: name another with --port\n`,
    stdout: "",
  });
});

test.each([
  [["--prot", "1"], /^Unknown option '--prot'.+usage: /s],
  [["--port", "http"], /^--port http is not a port\nusage: /],
  [["extra"], /^Unexpected argument 'extra'/],
])("%j is an error, with the usage", async (args, message) => {
  const { code, stderr } = await run(...args).ended;
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});

test.each([
  ["--postgres", "postgres://u:p@127.0.0.1:1/db", "--postgres: 127.0.0.1:1 cannot be reached: connect ECONNREFUSED"],
  ["--s3", "http://K:S@127.0.0.1:1/bucket", "--s3: http://127.0.0.1:1 cannot be used: connect ECONNREFUSED"],
])(
  "an unreachable %s is one line",
  async (flag, url, message) => {
    const { code, stderr } = await run("--port", "0", "--data", folder, flag, url).ended;
    expect(code).toBe(1);
    expect(stderr.startsWith(message)).toBe(true);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  },
  30_000,
);

test("a data folder that cannot be written is one line", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  const { code, stderr } = await run("--port", "0", "--data", join(file, "data")).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^the data folder .* cannot be written: [^\n]*\n$/);
});

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type FaultyStore, startFaultyStore } from "./faulty-store.ts";
import { uploadsOf } from "./objects.ts";
import { paddedModel } from "./padded-model.ts";
import { type PrivateStack, startPrivateStack } from "./private-stack.ts";
import { newTeam, shared, type Team, until } from "./service.ts";
import { newTableModel } from "./trajectories.ts";

const SCRIPT = join(import.meta.dirname, "..", "..", "src", "cli", "push.ts");

let store: FaultyStore;
let stack: PrivateStack;
let folder: string;
beforeAll(async () => {
  store = await startFaultyStore(shared());
  stack = await startPrivateStack({ s3: store.url });
  folder = mkdtempSync(join(tmpdir(), "curie-point-push-"));
});
afterEach(() => {
  Object.assign(store, { fault: "none", spared: 0, faults: Number.POSITIVE_INFINITY, met: 0, parts: [] });
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await stack.close();
  await store.close();
});

function start(team: Team, args: string[], url = team.service.url): ChildProcess {
  const env = { ...process.env, CURIE_POINT_KEY: team.key };
  return spawn(process.execPath, [SCRIPT, ...args, "--url", url], { env, stdio: ["ignore", "pipe", "pipe"] });
}

async function finish(child: ChildProcess): Promise<{ code: number; stdout: string; stderr: string }> {
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error("its output goes elsewhere");
  const [out, err, [code]] = await Promise.all([text(stdout), text(stderr), once(child, "exit")]);
  return { code, stdout: out, stderr: err };
}

const sha256 = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const digestOf = async (team: Team, name: string, step: number) =>
  (await team.call<{ digest: string }>("GET", `/models/${name}/checkpoints/${step}`)).body.digest;

test("killed in the middle of a large file, it begins again and sends only what is missing", async () => {
  const team = await newTeam(stack);
  const { name } = await newTableModel(team);
  const large = mkdtempSync(join(folder, "killed-"));
  // Four parts.
  const body = paddedModel("killed", 60_000_000);
  writeFileSync(join(large, "step9.onnx"), body);
  const args = [large, "--model", name, "--once", "--parallel", "1"];

  Object.assign(store, { fault: "stalling", spared: 2 });
  const first = start(team, args);
  await until("the third part to be on its way", async () => store.met > 0);
  first.kill("SIGKILL");
  await once(first, "exit");
  expect((await team.call("GET", `/models/${name}/checkpoints/9`)).status).toBe(404);

  store.fault = "none";
  expect(await finish(start(team, args))).toEqual({ code: 0, stdout: "step 9: step9.onnx pushed\n", stderr: "" });
  expect(store.parts).toEqual([1, 2, 3, 4]);
  expect(await digestOf(team, name, 9)).toBe(sha256(body));
  expect((await uploadsOf(team)).filter(({ step }) => step === 9)).toHaveLength(1);
});

test("killed while the file is read back, it begins again and sends nothing", async () => {
  const team = await newTeam(stack);
  const { name } = await newTableModel(team);
  const large = mkdtempSync(join(folder, "checked-"));
  const body = paddedModel("checked", 36_000_000);
  writeFileSync(join(large, "step9.onnx"), body);
  const args = [large, "--model", name, "--once"];
  const { evaluator } = stack.pids();
  if (evaluator === null) throw new Error("there is no evaluator");

  process.kill(evaluator, "SIGSTOP");
  const first = start(team, args);
  const verifying = async () => (await uploadsOf(team)).some(({ status }) => status === "verifying");
  await until("the parts to be joined", verifying);
  first.kill("SIGKILL");
  await once(first, "exit");
  const sent = store.parts.length;
  const second = start(team, args);
  await pause(1500);
  expect(await verifying()).toBe(true);
  process.kill(evaluator, "SIGCONT");
  expect(await finish(second)).toMatchObject({ code: 0, stderr: "" });
  expect(store.parts).toHaveLength(sent);
  expect(await digestOf(team, name, 9)).toBe(sha256(body));
});

test("addresses that have run out are asked for anew, and only what is missing is sent again", async () => {
  const team = await newTeam(stack);
  const { name } = await newTableModel(team);
  const late = mkdtempSync(join(folder, "late-"));
  const body = paddedModel("late", 36_000_000);
  writeFileSync(join(late, "step3.onnx"), body);
  Object.assign(store, { fault: "denying", spared: 1, faults: 2 });
  const pushed = await finish(start(team, [late, "--model", name, "--once", "--parallel", "1"]));
  expect(pushed).toEqual({ code: 0, stdout: "step 3: step3.onnx pushed\n", stderr: "" });
  expect(store.met).toBe(2);
  expect(store.parts).toEqual([1, 2, 3]);
  expect(await digestOf(team, name, 3)).toBe(sha256(body));
});

test("a service that is away, then overloaded, then back gets every checkpoint", async () => {
  const team = await newTeam(stack);
  const { name } = await newTableModel(team);
  const small = mkdtempSync(join(folder, "away-"));
  for (const step of [1, 2]) writeFileSync(join(small, `step${step}.onnx`), paddedModel(`away ${step}`, 20_000));
  let asked = 0;
  const between = createServer(async (incoming, response) => {
    asked += 1;
    if (asked <= 2) incoming.socket.destroy();
    else if (asked <= 4) response.writeHead(503, { "retry-after": "1" }).end();
    else {
      const { method = "GET", url = "/", headers } = incoming;
      const authorization = `${headers.authorization}`;
      const answer = await fetch(team.service.url + url, {
        method,
        headers: { authorization },
        body: await buffer(incoming),
      });
      response.writeHead(answer.status).end(await answer.text());
    }
  });
  between.listen(0, "127.0.0.1");
  await once(between, "listening");
  const url = `http://127.0.0.1:${Object(between.address()).port}`;
  const { code, stdout } = await finish(start(team, [small, "--model", name, "--once", "--parallel", "1"], url));
  between.close();
  expect({ code, stdout }).toEqual({ code: 0, stdout: "step 1: step1.onnx pushed\nstep 2: step2.onnx pushed\n" });
  expect(asked).toBe(6);
});

test("a file that is still being written is left until it rests, then pushed once and whole", async () => {
  const team = await newTeam(stack);
  const { name } = await newTableModel(team);
  const slow = mkdtempSync(join(folder, "written-"));
  const body = paddedModel("written", 200_000);
  const path = join(slow, "step4.onnx");
  writeFileSync(path, body.subarray(0, 50_000));
  const watching = start(team, [slow, "--model", name]);
  const output = finish(watching);
  for (let at = 50_000; at < body.length; at += 25_000) {
    await pause(400);
    appendFileSync(path, body.subarray(at, at + 25_000));
  }
  await until("the checkpoint", async () => (await digestOf(team, name, 4)) === sha256(body));
  await pause(1500);
  watching.kill("SIGTERM");
  expect(await output).toMatchObject({ stdout: "step 4: step4.onnx pushed\n", stderr: "" });
});

// A terminal is what util-linux's script makes; elsewhere there is none to be had without a package.
test.skipIf(!existsSync("/usr/bin/script"))("in a terminal a bar shows how far each file is", async () => {
  const team = await newTeam(stack);
  const { name } = await newTableModel(team);
  const shown = mkdtempSync(join(folder, "shown-"));
  // Three parts, a second apart and one by one: each has its frame.
  writeFileSync(join(shown, "step2.onnx"), paddedModel("shown", 36_000_000));
  writeFileSync(join(shown, "final.onnx"), "no step");
  store.fault = "slow";
  const push = [SCRIPT, shown, "--model", name, "--url", team.service.url, "--once", "--parallel", "1"];
  const command = [process.execPath, ...push].join(" ");
  const env = { ...process.env, CURIE_POINT_KEY: team.key, TERM: "xterm" };
  const terminal = ["--quiet", "--return", "--command", command, "/dev/null"];
  const child = spawn("/usr/bin/script", terminal, { env, stdio: ["ignore", "pipe", "pipe"] });
  const { code, stdout } = await finish(child);
  expect(code).toBe(1);
  for (const frame of [
    /step2\.onnx +░{24} 0% of 36\.0 MB {2}reading/,
    /step2\.onnx +█{11}░{13} 46% of 36\.0 MB {2}sending/,
    /step2\.onnx +█{22}░{2} 93% of 36\.0 MB {2}sending/,
    /step2\.onnx +█{24} 100% of 36\.0 MB {2}checking/,
    /step 2: step2\.onnx pushed/,
    /final\.onnx: no step in the name/,
  ]) {
    expect(stdout).toMatch(frame);
  }
});

import { mkdtempSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Stack, startStack } from "../../local/stack.ts";
import { startTrainer } from "../../trainer/test/commands.ts";
import { type FreshDatabase, freshDatabase } from "./databases.ts";
import { newTeam, type Team, until } from "./service.ts";
import { settledVerdict } from "./trajectories.ts";

const small = "--modulus 7 --corner-side 2 --mirror-pairs 4 --embedding 8 --hidden 12 --steps 600 --every 50".split(
  " ",
);
const EVERY_STEP = Array.from({ length: 13 }, (_, i) => i * 50);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "curie-point-trainer-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Service = { url: string; key: string };

const start = (script: string, { url, key }: Service, args: readonly string[]) =>
  startTrainer(script, ["--url", url, ...args], key);

const serviceOf = ({ service, key }: Team): Service => ({ url: service.url, key });
const has = (out: string, name: string) => readdir(out).then((names) => names.includes(name));

async function kill({ child, ended }: ReturnType<typeof startTrainer>): Promise<void> {
  child.kill("SIGKILL");
  expect((await ended).signal).toBe("SIGKILL");
}

interface Checkpoint {
  step: number;
  createdAt: string;
}

/** Steps in the order in which they arrived. */
async function arrivedAt(team: Team, model: string): Promise<number[]> {
  const { body } = await team.call<{ checkpoints: Checkpoint[] }>("GET", `/models/${model}/checkpoints?limit=100`);
  return body.checkpoints.toSorted((x, y) => x.createdAt.localeCompare(y.createdAt)).map(({ step }) => step);
}

describe("while the service is away", () => {
  let database: FreshDatabase;
  let stack: Stack;
  let team: Team;
  let port = 0;
  const up = async () => {
    const s3 = process.env["TEST_S3_URL"];
    stack = await startStack({ data: join(folder, "data"), port, postgres: database.url, s3, sweepEverySeconds: 1 });
    port = Number(new URL(stack.url).port);
  };
  beforeAll(async () => {
    database = await freshDatabase();
    await up();
    team = await newTeam(stack);
  });
  afterAll(async () => {
    await stack.close();
    await database.drop();
  });

  test("training goes on, and every checkpoint arrives in order when it is back", async () => {
    const out = join(folder, "stopped");
    const long = [...small, "--steps", "3000", "--every", "250", "--model", "stopped"];
    const { ended } = start("src/grok.ts", serviceOf(team), ["--out", out, "--json", ...long]);
    await until(
      "a checkpoint to have arrived",
      async () => (await arrivedAt(team, "stopped").catch(() => []))[0] === 0,
    );
    await stack.close();
    await until("training to end", () => has(out, "ckpt_003000.json"));
    await up();
    const { code, stdout, stderr } = await ended;
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ asOfStep: 3000, checkpoints: 13 });
    expect(await arrivedAt(team, "stopped")).toEqual(EVERY_STEP.map((step) => step * 5));
  });

  test("a run begins, and what it had when it was killed is pushed by --resume, with the rest, in order", async () => {
    const out = join(folder, "killed");
    const args = ["--out", out, "--model", "killed", "--resume", ...small];
    await stack.close();
    const first = start("src/grok.ts", serviceOf(team), args);
    await until("four checkpoints", () => has(out, "ckpt_000150.json").catch(() => false));
    await kill(first);
    await up();
    const { code, stderr } = await start("src/grok.ts", serviceOf(team), args).ended;
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/going on from step \d+/);
    expect(await arrivedAt(team, "killed")).toEqual(EVERY_STEP);
    expect((await settledVerdict(team, "killed")).checkpoints).toBe(13);
  });
});

test("a sweep that was killed and is run again has every model whole, in one ensemble", async () => {
  const team = await newTeam();
  const swept = ["--ensemble", "decays", "--seeds", "2", "--vary", "weight-decay=0,1", "--out", join(folder, "sweep")];
  const first = start("scripts/sweep.ts", serviceOf(team), [...swept, ...small]);
  await until("the second model to be trained", () =>
    has(join(folder, "sweep", "decays-weight-decay-0-seed1"), "ckpt_000150.json").catch(() => false),
  );
  await kill(first);
  const { code, stdout, stderr } = await start("scripts/sweep.ts", serviceOf(team), [...swept, ...small]).ended;
  expect(code, stderr).toBe(0);
  const names = ["0", "1"].flatMap((decay) => [0, 1].map((seed) => `decays-weight-decay-${decay}-seed${seed}`));
  expect(stdout.trim().split("\n")).toEqual(
    names.map((name) => expect.stringMatching(`^${name}  \\w+ as of step 600`)),
  );
  const { body } = await team.call<{ models: { name: string; ensemble: string; tags: string[] }[] }>("GET", "/models");
  expect(body.models.map(({ name }) => name).sort()).toEqual(names);
  expect(new Set(body.models.map(({ ensemble }) => ensemble))).toEqual(new Set(["decays"]));
  for (const name of names) expect(await arrivedAt(team, name)).toEqual(EVERY_STEP);
  const [, address = ""] = /^together: (.+)$/m.exec(stderr) ?? [];
  const together = await fetch(address, { headers: { authorization: `Bearer ${team.key}` } });
  expect(await together.json()).toMatchObject({
    provenance: "measured",
    cells: [{ setting: 0, outcomes: { unclassified: 0 } }, { setting: 1 }],
    models: names.map((name) => ({ name, setting: Number(name.split("-")[3]) })),
  });
}, 240_000);

test("a wrong key ends a run at once, though there is a folder for what waits", async () => {
  const { service } = await newTeam();
  const far = [...small, "--steps", "100000000", "--every", "100000000", "--out", join(folder, "wrong")];
  const { code, stderr } = await start("src/grok.ts", { url: service.url, key: "cp_wrong" }, far).ended;
  expect([code, stderr]).toEqual([1, expect.stringContaining("The key is not known, or was revoked.")]);
});

test("a diverged run is pushed and judged, and ends with status 3", async () => {
  const team = await newTeam();
  const diverging = [...small, "--optimizer", "sgd", "--learning-rate", "100", "--json"];
  const { code, stdout, stderr } = await start("src/grok.ts", serviceOf(team), diverging).ended;
  expect(code, stderr).toBe(3);
  expect(JSON.parse(stdout)).toMatchObject({ asOfStep: 50, deployable: false });
});

test("a run looks closely while the service says transitioning, and ends when it says generalizer", async () => {
  const team = await newTeam();
  // What comes with no flag, but for its end: there it would stop whatever was said.
  const listening = ["--model", "listening", "--until", "generalizer", "--dense-every", "5", "--steps", "100000"];
  const { code, stdout, stderr } = await start("src/grok.ts", serviceOf(team), [...listening, "--json"]).ended;
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ verdict: "generalizer", deployable: true });
  expect(stderr).toMatch(/-> transitioning\n/);
  const steps = await arrivedAt(team, "listening");
  const last = Math.max(...steps);
  expect(last).toBeLessThan(100_000);
  const dense = steps.filter((step) => step % 25 !== 0 && step !== last);
  expect(dense.length).toBeGreaterThan(3);
  expect(dense.every((step) => step % 5 === 0)).toBe(true);
}, 480_000);

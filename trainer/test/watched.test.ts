import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runTrainer } from "./commands.ts";
import { answer, startServer, startService } from "./local-server.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "grok-"));
});
afterEach(() => rm(directory, { recursive: true }));

const grok = (args: string[], key?: string) => runTrainer("src/grok.ts", args, key);

describe("grok", () => {
  test("pushes every checkpoint and ends with the verdict as its last line", async () => {
    await using service = await startService();
    const keyFile = join(directory, "key");
    await writeFile(keyFile, "secret\n");
    const plan = ["--steps", "60", "--every", "5", "--ensemble", "seeds"];
    const args = ["--url", service.url, "--key-file", keyFile, ...plan, "--json"];
    const { code, stdout, stderr } = await grok(args);
    expect(stderr).toContain("insufficient_evidence as of step 60: Too early to tell.\n  but: 3 rows are in train.\n");
    expect(code).toBe(0);
    expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({ asOfStep: 60 });

    const requests = service.received.map(({ method, path }) => `${method} ${path}`);
    expect(requests.slice(0, 2)).toEqual(["PUT /suites/add47", "POST /models"]);
    const { ensemble, tags } = JSON.parse(String(service.received[1]?.body));
    expect([ensemble, tags]).toEqual(["seeds", ["seed:0"]]);
    const pushes = service.received.filter(({ path }) => path.includes("/checkpoints/"));
    expect(pushes).toHaveLength(13);
    expect(pushes.every(({ headers }) => headers.authorization === "Bearer secret")).toBe(true);
  }, 120_000);

  test("ends when the service says what it waits for, and looks closely while it says transitioning", async () => {
    await using service = await startService((step) => {
      if (step === null || step < 300) return "latent";
      return step < 2_000 ? "transitioning" : "generalizer";
    });
    const small = "--modulus 7 --corner-side 2 --mirror-pairs 4 --embedding 8 --hidden 12".split(" ");
    const listening = ["--until", "generalizer", "--dense-every", "10", "--every", "100", "--steps", "1000000"];
    const { code, stderr } = await grok(["--url", service.url, ...small, ...listening], "key");
    expect(code).toBe(0);
    const steps = service.received.flatMap(({ path }) => Number(/checkpoints\/(\d+)$/.exec(path)?.[1] ?? Number.NaN));
    const pushed = steps.filter((step) => Number.isFinite(step)).sort((x, y) => x - y);
    const last = pushed.at(-1) ?? 0;
    expect(last).toBeGreaterThanOrEqual(2_000);
    expect(last).toBeLessThan(1_000_000);
    expect(stderr).toContain(`generalizer as of step ${last}`);
    // Those beside the hundreds came while it was transitioning, ten steps apart.
    const dense = pushed.filter((step) => step % 100 !== 0 && step !== last);
    expect(dense.length).toBeGreaterThan(5);
    expect(dense.every((step) => step % 10 === 0 && step > 300)).toBe(true);
  }, 180_000);

  test("without a service writes the suite, and each checkpoint with its sidecar", async () => {
    const { code, stdout } = await grok(["--out", directory, "--steps", "4", "--every", "3", "--seed", "5"]);
    expect([code, stdout]).toEqual([0, ""]);
    const names = ["ckpt_000000", "ckpt_000003", "ckpt_000004"].flatMap((name) => [`${name}.json`, `${name}.onnx`]);
    expect((await readdir(directory)).sort()).toEqual([...names, "state.safetensors", "suite.safetensors"]);
    const sidecar = JSON.parse(await readFile(join(directory, "ckpt_000003.json"), "utf8"));
    expect(sidecar).toMatchObject({ step: 3, settings: { seed: 5, steps: 4 }, splits: { train: { total: 1104 } } });
  }, 120_000);

  test("stops with the service's sentence when it refuses", async () => {
    const problem = { code: "unauthorized", detail: "The key is not known." };
    await using service = await startServer((_, response) => answer(response, 401, problem));
    const { code, stderr } = await grok(["--url", service.url], "wrong");
    expect(code).toBe(1);
    expect(stderr).toContain("The key is not known.");
  }, 120_000);

  test.each([
    { args: ["--out", "x", "--sede", "1"], says: "there is no flag --sede: --seed is the nearest" },
    { args: ["--out", ""], says: '--out must have a value, got ""' },
    { args: ["--out=", "--steps", "2"], says: '--out must have a value, got ""' },
    { args: [], says: "give --url, --out or both" },
    { args: ["--out", "x", "--steps", "1e3"], says: "--steps must be a whole number from 1" },
    {
      args: ["--out", "x", "--backend", "gpu"],
      says: "--backend must be auto or node-gpu or node or webgpu or wasm or cpu",
    },
    { args: ["--out", "x", "--json"], says: "--json is for the service: give --url" },
    { args: ["--out", "x", "--model", "m"], says: "--model is for the service: give --url" },
    { args: ["--url", "http://localhost:1", "--resume"], says: "--resume goes on from the files of --out" },
    { args: ["--out", "x", "--until", "generalizer"], says: "--until is for the service: give --url" },
    { args: ["--url", "http://localhost:1", "--until", "grokked"], says: "--until must be insufficient_evidence or" },
    { args: ["--url", "localhost"], says: "--url must be http(s)" },
    { args: ["--url", "http://localhost:1"], says: "CURIE_POINT_KEY" },
    { args: ["--url", "http://localhost:1", "--key-file", "none"], says: "--key-file none cannot be read: ENOENT" },
    {
      args: ["--url", "http://localhost:1", "--dense-every", "0"],
      says: "--dense-every must be a whole number from 1",
    },
    { args: ["--out", "x", "--modulus", "10"], says: "--modulus must be a prime, got 10" },
    {
      args: ["--out", "x", "--heads", "3", "--network", "transformer"],
      says: "--heads must divide --embedding, 64, got 3",
    },
    { args: ["--out", "x", "--task", "digits", "--network", "transformer"], says: "of --task digits are numbers" },
    {
      args: ["--out", "x", "--train-used", "0:1,9:0.0001"],
      says: "cannot train on 0.0001 of 1104 examples (--train-used)",
    },
    { args: ["--out", "x", "--backend", "node-gpu"], says: "the backend node-gpu cannot be used: " },
    { args: ["--out", "x", "--preset", "power"], says: 'there is no preset "power": "power2022" is the nearest' },
    { args: ["--out", "x", "--config", "none.json"], says: "--config none.json cannot be read: ENOENT" },
  ])("refuses $args", async ({ args, says }) => {
    const { code, stdout, stderr } = await grok(args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(says);
    expect(stderr).toContain("--help tells of every flag");
  });
});

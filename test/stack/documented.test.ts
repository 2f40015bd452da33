import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writeSafetensors } from "../../trainer/src/safetensors.ts";
import { newTeam, type Team } from "./service.ts";
import { ROWS, SPLITS, tableSuite } from "./table-model.ts";
import { pushAll, SCRIPTS, settledVerdict, trajectoryOf } from "./trajectories.ts";

// The examples of the documentation as somebody would type them, in a folder that has the files that they name.

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "curie-point-docs-"));
afterAll(() => rmSync(folder, { recursive: true }));

const read = (path: string) => readFileSync(join(root, path), "utf8");
const examplesOf = (page: string) => [...read(page).matchAll(/^```sh\n(.*?)^```/gms)].map(([, code = ""]) => code);

function put(path: string, text: string): void {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), text);
}
const fixture = (name: string) => read(`test/fixtures/exports/${name}`);

async function run(team: Team, code: string): Promise<string> {
  const env = { ...process.env, URL: team.service.url, KEY: team.key, PATH: `${folder}/bin:${process.env["PATH"]}` };
  return await new Promise((resolve, reject) => {
    execFile("bash", ["-euo", "pipefail", "-c", code], { env, cwd: folder }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${code}\n${stdout}${stderr}`));
      else resolve(stdout);
    });
  });
}

const correctOf = (splits: Record<string, { correct: number }> | undefined) =>
  SPLITS.map((split) => splits?.[split]?.correct);

test("docs/elsewhere.md: each report and each import is taken as the page says", async () => {
  const team = await newTeam();
  await team.client.putSuite("shifts", tableSuite());
  for (const name of ["my-run", "wandb-chart", "wandb-history", "mlflow-chart", "mlflow-files"]) {
    await team.client.createModel({ name, suite: "shifts" });
  }
  const weights = new Map([["w", { shape: [1], values: Float32Array.of(1) }]]);
  await team.client.pushCheckpoint("my-run", 400, writeSafetensors(weights, {}));
  put("results_2026-03-01.json", fixture("harness-results.json"));
  put("chart.csv", fixture("wandb-chart.csv"));
  put("history.jsonl", fixture("wandb-history.jsonl"));
  put("charts.csv", fixture("mlflow-chart.csv"));
  const values = { train_acc: ["0.1", "0.9916666666666667"], val_acc: ["0.1", "0.25"], ood_acc: ["0.1", "8.333e-2"] };
  for (const [metric, [first, second]] of Object.entries(values)) {
    put(`mlruns/0/5c0ffee5/metrics/${metric}`, `1770000000500 ${first} 0\n1770000002500 ${second} 100\n`);
  }
  // Stands in for Inspect's own command, which is Python's: it prints the head of a log.
  for (const task of ["train", "validation", "ood_shift"]) {
    put(`logs/${task}.eval`, fixture("inspect-log.json").replace("probes/ood_shift", `probes/${task}`));
  }
  put("bin/inspect", '#!/bin/sh\n[ "$1 $2 $3" = "log dump --header-only" ] && cat "$4"\n');
  chmodSync(join(folder, "bin/inspect"), 0o755);

  const [counts, harness, inspect, ...imports] = examplesOf("docs/elsewhere.md");
  const reports = [
    { code: counts, source: "counts", correct: [119, 30, 23] },
    { code: harness, source: "lm-evaluation-harness", correct: [119, 30, 23] },
    { code: inspect, source: "inspect-ai", correct: [23, 23, 23] },
  ];
  for (const { code = "", source, correct } of reports) {
    expect(JSON.parse(await run(team, code))).toMatchObject({ provenance: "reported", source });
    expect(correctOf((await trajectoryOf(team, "my-run"))[0]?.splits)).toEqual(correct);
  }
  expect(imports).toHaveLength(4);
  for (const code of imports) {
    const name = /models\/([\w-]+)\/import/.exec(code)?.[1] ?? "";
    expect(JSON.parse(await run(team, code))).toMatchObject({ added: 2 });
    const points = await trajectoryOf(team, name);
    expect(points.map(({ step, splits }) => [step, correctOf(splits)])).toEqual([
      [0, [12, 12, 12]],
      [100, [119, 30, 10]],
    ]);
  }
});

test("docs/comparing.md: two steps, and what flipped at a transition", async () => {
  const team = await newTeam();
  await team.client.putSuite("shifts", tableSuite());
  await team.client.createModel({ name: "my-run", suite: "shifts" });
  await pushAll(team, "my-run", SCRIPTS.grokked);
  await settledVerdict(team, "my-run");
  const [steps = "", transition = "", ...none] = examplesOf("docs/comparing.md");
  expect(none).toEqual([]);
  expect(JSON.parse(await run(team, steps))).toMatchObject({
    ...{ before: { step: 100 }, after: { step: 250 } },
    splits: [{ flips: { gained: 0 } }, { flips: { gained: 0.9 * ROWS } }, { flips: { gained: 0.9 * ROWS } }],
  });
  expect(JSON.parse(await run(team, transition))).toMatchObject({
    transition: { kind: "generalization" },
    splits: [{ split: "ood:shift", flips: { gained: 0.9 * ROWS, next: expect.any(Number) } }],
  });
});

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { stepOf } from "../../src/cli/push-step.ts";
import { paddedModel } from "./padded-model.ts";
import { newTeam, type Team } from "./service.ts";
import { tableModel } from "./table-model.ts";
import { newTableModel } from "./trajectories.ts";

const SCRIPT = join(import.meta.dirname, "..", "..", "src", "cli", "push.ts");
const folder = mkdtempSync(join(tmpdir(), "curie-point-push-"));
afterAll(() => rmSync(folder, { recursive: true }));

function push(team: Team, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, CURIE_POINT_KEY: team.key };
  return new Promise((resolve) => {
    execFile(process.execPath, [SCRIPT, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

const write = (name: string, accuracy: number) =>
  writeFileSync(join(folder, name), tableModel(name, { train: accuracy, validation: 0.1, "ood:shift": 0.1 }));

test("a folder's checkpoints are pushed; again they are in; a changed file is refused by name", async () => {
  const team = await newTeam();
  const { name } = await newTableModel(team);
  const args = [folder, "--model", name, "--url", team.service.url, "--once"];
  write("ckpt_000400.onnx", 0.5);
  write("epoch=3-step=500.onnx", 1);
  expect(await push(team, ...args)).toMatchObject({ code: 0, stderr: "" });
  const { body } = await team.call<{ checkpoints: { step: number }[] }>("GET", `/models/${name}/checkpoints`);
  expect(body.checkpoints.map(({ step }) => step).sort()).toEqual([400, 500]);

  write("ckpt_000400.onnx", 1);
  const again = await push(team, ...args);
  expect(again).toMatchObject({ code: 1, stdout: "step 500: epoch=3-step=500.onnx was in\n" });
  expect(again.stderr).toMatch(/^ckpt_000400\.onnx: /);
});

test("a large file whose first part is in goes on from there; again it is in", async () => {
  const team = await newTeam();
  const { name } = await newTableModel(team);
  const large = mkdtempSync(join(folder, "large-"));
  const body = paddedModel("large", 36_000_000);
  writeFileSync(join(large, "step7.onnx"), body);
  const digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
  const begun = await team.call<{ id: string; parts: { bytes: number; url: string }[] }>(
    "POST",
    `/models/${name}/checkpoints/7/uploads`,
    { body: { bytes: body.byteLength, digest } },
  );
  const [first] = begun.body.parts;
  await fetch(`${first?.url}`, { method: "PUT", body: body.slice(0, first?.bytes) });
  const args = [large, "--model", name, "--url", team.service.url, "--once"];
  expect(await push(team, ...args)).toEqual({ code: 0, stdout: "step 7: step7.onnx pushed\n", stderr: "" });
  expect((await team.call("GET", `/uploads/${begun.body.id}`)).body).toMatchObject({ status: "complete" });
  expect((await team.call("GET", `/models/${name}/checkpoints/7`)).body).toMatchObject({ digest });
  expect(await push(team, ...args)).toMatchObject({ code: 0, stdout: "step 7: step7.onnx was in\n" });
});

test("an address that is none is said at once, and not asked for ten minutes", async () => {
  const team = await newTeam();
  for (const url of ["localhost:8787", "ftp://localhost", "nothing"]) {
    expect(await push(team, folder, "--model", "m", "--url", url, "--once")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`--url must be an address like http://…, got "${url}"`),
    });
  }
});

test("what is missing is said", async () => {
  const team = await newTeam();
  expect(await push(team, folder)).toMatchObject({ code: 2, stderr: expect.stringContaining("--model and --url") });
});

test.each([
  ["ckpt_000400.onnx", 400],
  ["step100_loss0.25.onnx", 100],
  ["loss0.25.onnx", null],
  ["run.500.safetensors", 500],
  ["checkpoint-000010.safetensors", 10],
  ["Step_7-epoch3.onnx", 7],
  ["steps=12,lr=0.001.onnx", 12],
  ["model.onnx", null],
  ["step9999999999999999.onnx", null],
])("the step of %s is %s", (name, step) => expect(stepOf(name)).toBe(step));

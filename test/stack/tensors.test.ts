import { expect, test } from "vitest";
import type { LayerStatistics, TensorStatistics } from "../../src/tensors/meter.ts";
import { CASES, expectStatistics } from "../tensors/dtype-cases.ts";
import { FLOAT, floats, INT64, initializer, model, node, text, value } from "../tensors/onnx-builder.ts";
import { bytesOfArray, safetensors } from "../tensors/safetensors-builder.ts";
import { expectRefusal } from "./refused.ts";
import { newTeam, type Team } from "./service.ts";
import { newTableModel } from "./trajectories.ts";

interface Page {
  nonFinite: number;
  tensors: (TensorStatistics & { layer: string })[];
  layers: LayerStatistics[];
  next: string | null;
}

async function start() {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  return { team, id };
}

async function push(team: Team, id: string, step: number, file: Uint8Array) {
  const { status, text } = await team.call("PUT", `/models/${id}/checkpoints/${step}`, { body: Uint8Array.from(file) });
  expect([status, text]).toEqual([202, expect.any(String)]);
}

const read = async (team: Team, id: string, step: number, query = "") =>
  (await team.call<Page>("GET", `/models/${id}/checkpoints/${step}/tensors${query}`)).body;

/** A table model that also has these initializers. */
const onnx = (...initializers: Parameters<typeof model>[0]) =>
  model([
    node("Gather", ["table", "row"], ["logits"]),
    text(2, "types"),
    initializer("table", FLOAT, [360, 10], floats(...new Array<number>(3600).fill(1))),
    ...initializers,
    value(11, "row", INT64, ["N"]),
    value(12, "logits", FLOAT, ["N", 10]),
  ]);

test("of every type, in both formats, what was measured is told as it was sent", async () => {
  const { team, id } = await start();
  const named = CASES.map((entry) => ({ ...entry, data: bytesOfArray(entry.stored), shape: [entry.values.length] }));
  await push(
    team,
    id,
    1,
    safetensors(named.map(({ dtype, safetensors: type, shape, data }) => ({ name: dtype, dtype: type, shape, data }))),
  );
  await push(
    team,
    id,
    2,
    onnx(...named.map(({ dtype, onnx: type, shape, data }) => initializer(dtype, type, shape, data))),
  );
  for (const [step, integers] of [
    [1, "buffer"],
    [2, "constant"],
  ] as const) {
    const { tensors, nonFinite } = await read(team, id, step);
    for (const entry of CASES) {
      const found = tensors.find(({ name }) => name === entry.dtype);
      expectStatistics(found && { ...found, name: "t" }, entry, integers);
    }
    const broken = CASES.flatMap(({ dtype, values }) => (dtype.includes("float") ? values : []));
    expect(nonFinite).toBe(broken.filter((x) => !Number.isFinite(x)).length);
  }
});

test("a file of more tensors than a page is told page by page, with the layers of each", async () => {
  const { team, id } = await start();
  const names = Array.from({ length: 300 }, (_, n) => `blocks.${Math.floor(n / 4)}.w${n % 4}`);
  await push(
    team,
    id,
    1,
    safetensors(names.map((name, n) => ({ name, dtype: "F32", shape: [1], data: bytesOfArray(Float32Array.of(n)) }))),
  );
  const seen: Page["tensors"] = [];
  let cursor = "";
  for (let pages = 1; ; pages += 1) {
    const page = await read(team, id, 1, `?limit=90${cursor}`);
    expect(page.layers.map(({ name }) => name)).toEqual([...new Set(page.tensors.map(({ layer }) => layer))]);
    seen.push(...page.tensors);
    if (page.next === null) {
      expect(pages).toBe(4);
      break;
    }
    cursor = `&cursor=${page.next}`;
  }
  expect(seen.map(({ name, norm }) => [name, norm])).toEqual(names.map((name, n) => [name, n]));
  const { layers } = await read(team, id, 1, "?limit=1&cursor=4");
  expect(layers).toEqual([
    { name: "blocks.1", norm: expect.closeTo(Math.hypot(4, 5, 6, 7), 12), parameters: 4, nonFinite: 0 },
  ]);
});

test("a step that is not there, was imported or is another team's has no tensors, and a cursor is a page's", async () => {
  const { team, id } = await start();
  const splits = ["train", "validation", "ood:shift"];
  const header = splits.map((split) => `${split}_correct,${split}_total`).join();
  const history = `step,${header}\n5,${splits.map(() => "60,120").join()}\n`;
  const imported = await team.call("POST", `/models/${id}/import`, {
    body: history,
    headers: { "content-type": "text/csv" },
  });
  expect(imported).toMatchObject({ status: 200, body: { added: 1 } });
  const at = (step: number, query = "") => `/models/${id}/checkpoints/${step}/tensors${query}`;
  expectRefusal(await team.call("GET", at(5)), { status: 410, code: "artifact_gone", says: "imported" });
  expectRefusal(await team.call("GET", at(6)), { status: 404, code: "checkpoint_not_found" });
  expectRefusal(await team.call("GET", at(5, "?cursor=x")), { status: 400, code: "invalid_request", says: "cursor" });
  expectRefusal(await (await newTeam()).call("GET", at(5)), { status: 404, code: "model_not_found" });
});

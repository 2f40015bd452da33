import { beforeAll, expect, test } from "vitest";
import { createRandom } from "../../trainer/src/random.ts";
import { bytesOfArray, type Entry, safetensors } from "../tensors/safetensors-builder.ts";
import { ARCHITECTURES, type Architecture, toHalf } from "./architectures.ts";
import { newTeam, type Team, until } from "./service.ts";

/** Of outputs that are about 1. */
const TOLERANCE = "1e-4";
/** More than a batch. */
const ROWS = 300;
const random = createRandom(5, "rows");

let team: Team;
beforeAll(async () => {
  team = await newTeam();
});

/** A suite whose right answers are what the reference says, `off` more than that in its last row. */
function suiteOf({ inputs, outputs, forward }: Architecture, off = 0): Uint8Array<ArrayBuffer> {
  const entries = ["train", "ood:shift"].flatMap((split): Entry[] => {
    const rows = Array.from({ length: ROWS }, () => rowOf(inputs));
    const targets = rows.flatMap((row) => forward(row));
    targets[targets.length - 1] = (targets.at(-1) ?? 0) + off;
    const target = bytesOfArray(Float64Array.from(targets));
    return [
      ...Object.entries(inputs).map(([name, { dtype, shape }]) => {
        const values = rows.flatMap((row) => row[name] ?? []);
        return { name: `${split}/${name}`, dtype, shape: [ROWS, ...shape], data: encode(dtype, values) };
      }),
      { name: `${split}/target`, dtype: "F64", shape: [ROWS, outputs], data: target },
    ];
  });
  // Aligned and of one order, as the reference writer has it: wide types first.
  const aligned = entries.sort((a, b) => width(b.dtype) - width(a.dtype));
  return Uint8Array.from(safetensors(aligned, { task: "regression", output: "y", tolerance: TOLERANCE }));
}

const width = (dtype: string) => Number(dtype.slice(1));

function rowOf(inputs: Architecture["inputs"]): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, shape, below = 1 }]) => {
      const length = shape.reduce((product, size) => product * size, 1);
      const draw = () => {
        if (dtype === "I64") return Math.floor(random.uniform() * below);
        // Eighths, which half precision holds exactly.
        return dtype === "F16" ? Math.round(random.normal() * 8) / 8 : Math.fround(random.normal());
      };
      return [name, Array.from({ length }, draw)];
    }),
  );
}

function encode(dtype: string, values: number[]): Uint8Array {
  if (dtype === "I64") return bytesOfArray(BigInt64Array.from(values, BigInt));
  return bytesOfArray(dtype === "F16" ? Uint16Array.from(values, toHalf) : Float32Array.from(values));
}

async function evaluate(name: string, suite: Uint8Array<ArrayBuffer>, onnx: Uint8Array) {
  await team.client.putSuite(name, suite);
  await team.client.createModel({ name, suite: name });
  await team.client.pushCheckpoint(name, 1, Uint8Array.from(onnx));
  return await until(`an evaluation of ${name}`, async () => {
    const { body } = await team.call<{ status: string; splits: { correct: number; total: number; loss: number }[] }>(
      "GET",
      `/models/${name}/checkpoints/1/evaluation`,
    );
    return body.status !== "queued" && body;
  });
}

test.each(ARCHITECTURES.map((architecture, n) => ({ ...architecture, n })))(
  "$name gives what its formulas say, to 1e-4",
  async ({ n, ...architecture }) => {
    const found = await evaluate(`architecture-${n}`, suiteOf(architecture), architecture.onnx);
    expect(found).toMatchObject({ status: "done", failure: null });
    expect(found.splits).toHaveLength(2);
    for (const { correct, total, loss } of found.splits) {
      expect({ correct, total }).toEqual({ correct: ROWS * architecture.outputs, total: ROWS * architecture.outputs });
      expect(loss).toBeLessThan(1e-9);
    }
  },
);

test("an answer that is off by 2e-4 is seen", async () => {
  const [first] = ARCHITECTURES;
  if (!first) throw new Error("there are no architectures");
  const found = await evaluate("off", suiteOf(first, 2e-4), first.onnx);
  for (const { correct, total } of found.splits) expect(correct).toBe(total - 1);
});

import { expect, test } from "vitest";
import { readSuite } from "../../src/services/suite/read-suite.ts";
import { createRandom } from "../../trainer/src/random.ts";
import { bytesOfArray, type Entry, safetensors } from "../tensors/safetensors-builder.ts";

const random = createRandom(2, "suites");
const below = (n: number) => Math.floor(random.uniform() * n);

function suite(rows: number, width: number, targets: number, metadata: Record<string, string>) {
  const entries = ["train", "ood:x"].flatMap((split): Entry[] => [
    {
      name: `${split}/x`,
      dtype: "U8",
      shape: [rows, width],
      data: Uint8Array.from({ length: rows * width }, () => below(256)),
    },
    {
      name: `${split}/target`,
      dtype: metadata["task"] === "regression" ? "F32" : "U8",
      shape: [rows, targets],
      data:
        metadata["task"] === "regression"
          ? bytesOfArray(Float32Array.from({ length: rows * targets }, () => random.normal()))
          : Uint8Array.from({ length: rows * targets }, () => below(3)),
    },
  ]);
  return Uint8Array.from(safetensors(entries, { output: "y", ...metadata }));
}

test("a file in a Node Buffer, which lies somewhere in another's memory, is read as any other", async () => {
  const file = suite(40, 3, 1, {});
  const buffer = Buffer.concat([Buffer.from("odd"), file]).subarray(3);
  expect(await readSuite(buffer)).toEqual(await readSuite(file));
  expect((await readSuite(buffer)).splits).toMatchObject([
    { name: "train", rows: 40, total: 40 },
    { name: "ood:x", rows: 40, total: 40 },
  ]);
});

// What would take a column or a position at a time as many looks as there are targets would never end.
test.each([
  { name: "few rows of very many numbers", file: () => suite(4, 2_000_000, 1, {}) },
  { name: "very many targets to a row", file: () => suite(20, 4, 400_000, {}) },
  { name: "very many numbers to predict", file: () => suite(4, 4, 400_000, { task: "regression", tolerance: "0.1" }) },
])("$name are read and audited", async ({ file }) => {
  const { audit, splits } = await readSuite(file());
  expect(audit.splits.map(({ split, inTrain }) => [split, inTrain])).toEqual([
    ["train", null],
    ["ood:x", 0],
  ]);
  expect(splits.every(({ chance }) => chance > 0 && chance < 1)).toBe(true);
});

test("rows that would be looked up for longer than a request may take are to be sent in parts", async () => {
  await expect(readSuite(suite(220_000, 16, 1, {}))).rejects.toMatchObject({
    code: "body_too_large",
    message: expect.stringContaining("POST /suites/:name/uploads"),
  });
});

import { expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../src/safetensors.ts";
import { defaults } from "../src/settings.ts";
import { writeSuite } from "../src/suite.ts";
import { createTask } from "../src/tasks/tasks.ts";

test("writes length, padded header and data, byte for byte", () => {
  const tensors = new Map([
    ["x", { shape: [2], values: BigInt64Array.of(1n, -2n) }],
    ["y", { shape: [1, 1], values: Float32Array.of(1.5) }],
  ]);
  const file = Buffer.from(writeSafetensors(tensors, { k: "v" }));
  const json =
    '{"__metadata__":{"k":"v"},' +
    '"x":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},' +
    '"y":{"dtype":"F32","shape":[1,1],"data_offsets":[16,20]}}';
  const padded = json.padEnd(Math.ceil(json.length / 8) * 8, " ");
  expect(file.readBigUInt64LE(0)).toBe(BigInt(padded.length));
  expect(file.subarray(8, 8 + padded.length).toString()).toBe(padded);
  expect(file.subarray(8 + padded.length).toString("hex")).toBe("0100000000000000feffffffffffffff0000c03f");
});

test("refuses values that do not fill the shape", () => {
  const tensors = new Map([["x", { shape: [3], values: Int32Array.of(1, 2) }]]);
  expect(() => writeSafetensors(tensors, {})).toThrow("x has 2 values for shape [3]");
});

test("a suite has inputs and targets of every split", () => {
  const task = createTask({ ...defaults, modulus: 5, cornerSide: 2, mirrorPairs: 3 });
  const suite = Buffer.from(writeSuite(task));
  const length = Number(suite.readBigUInt64LE(0));
  const { __metadata__, ...tensors } = JSON.parse(suite.subarray(8, 8 + length).toString());
  expect(__metadata__).toEqual({ task: "classification", output: "logits" });
  const columns = (split: string) => [`${split}/a`, `${split}/b`, `${split}/target`];
  expect(Object.keys(tensors)).toEqual(["train", "validation", "ood:corner", "ood:mirror"].flatMap(columns));
  expect(tensors["ood:corner/target"]).toMatchObject({ dtype: "I64", shape: [4] });
  const [start, end] = tensors["ood:corner/target"].data_offsets;
  const data = suite.subarray(8 + length + start, 8 + length + end);
  expect([0, 1, 2, 3].map((index) => data.readBigInt64LE(index * 8))).toEqual([1n, 2n, 2n, 3n]);
});

test("an input of several numbers an example has rows", () => {
  const task = createTask({ ...defaults, task: "parity", bits: 6, parityExamples: 8 });
  const suite = Buffer.from(writeSuite(task));
  const { "train/bits": bits, "train/target": target } = JSON.parse(
    suite.subarray(8, 8 + Number(suite.readBigUInt64LE(0))).toString(),
  );
  expect([bits.shape, target.shape]).toEqual([[8, 6], [8]]);
});

test("reads back what it wrote, and refuses what is cut short", () => {
  const tensors = new Map([
    ["a", { shape: [3], values: Int32Array.of(1, 2, 3) }],
    ["b", { shape: [1, 2], values: Float32Array.of(0.5, -2) }],
    ["c", { shape: [1], values: BigInt64Array.of(-7n) }],
  ]);
  const file = writeSafetensors(tensors, { step: "4" });
  expect(readSafetensors(file)).toEqual({ tensors, metadata: { step: "4" } });
  expect(() => readSafetensors(file.subarray(0, file.length - 1))).toThrow("the file ends before c does");
  expect(() => readSafetensors(file.subarray(0, 20))).toThrow("the file ends before its header does");
  expect(() => readSafetensors(file.subarray(0, 4))).toThrow("the file ends before its header");
});

test("a suite has a row of numbers, or one symbol, an example, and the targets beside them", () => {
  const parity = createTask({ ...defaults, task: "parity", bits: 9, parityExamples: 50, hint: "absent" });
  const { tensors, metadata } = readSafetensors(writeSuite(parity));
  expect(metadata).toEqual({ task: "classification", output: "logits" });
  const shapes = Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]));
  expect(shapes).toMatchObject({ "train/bits": [50, 9], "train/hint": [50], "train/target": [50] });
  expect(Object.keys(shapes)).toHaveLength(3 * parity.splits.size);
});

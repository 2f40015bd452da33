import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { readStoredSuite } from "../../src/services/suite/read-stored.ts";
import { createMemoryStore } from "../faults/memory-store.ts";
import { type Entry, safetensors } from "../tensors/safetensors-builder.ts";

const MIB = 1024 * 1024;

/** Two splits of so many rows, with so many bytes to an input's row and a target's. */
function suite(rows: number, input: number, target: number): Uint8Array<ArrayBuffer> {
  const bytes = (length: number) => Uint8Array.from({ length }, (_, n) => n % 2);
  const entries = ["train", "ood:x"].flatMap((split): Entry[] => [
    { name: `${split}/x`, dtype: "U8", shape: [rows, input], data: bytes(rows * input) },
    { name: `${split}/target`, dtype: "U8", shape: [rows, target], data: bytes(rows * target) },
  ]);
  return Uint8Array.from(safetensors(entries, { output: "y" }));
}

async function read(file: Uint8Array<ArrayBuffer>) {
  const artifacts = createMemoryStore();
  await artifacts.put("key", file);
  const claimedDigest = `sha256:${createHash("sha256").update(file).digest("hex")}`;
  const stored = { objectKey: "key", bytes: file.byteLength, claimedDigest };
  return await readStoredSuite({ artifacts }, stored, { from: null, stretchBytes: 8 * MIB, save: async () => true });
}

test.each([
  { name: "rows", file: () => suite(1_000_001, 1, 1), says: 'The split "train" has 1000001 rows; at most 1000000' },
  {
    name: "targets",
    file: () => suite(1, 1, 16 * MIB + 1),
    says: '"train/target" has 16777217 bytes; at most 16777216',
  },
  { name: "inputs of a row", file: () => suite(2, 4 * MIB + 1, 1), says: 'A row of "train" has 4194305 bytes' },
])("an uploaded suite of too many $name is refused, with the limit", async ({ file, says }) => {
  await expect(read(file())).rejects.toMatchObject({
    code: "invalid_suite",
    message: expect.stringContaining(says),
  });
});

test("what lies within is read as by PUT", async () => {
  expect(await read(suite(1000, 40, 2))).toMatchObject({
    splits: [
      { name: "train", rows: 1000, total: 2000 },
      { name: "ood:x", rows: 1000, total: 2000 },
    ],
    audit: { splits: [{ inTrain: null }, { inTrain: 1000 }] },
  });
});

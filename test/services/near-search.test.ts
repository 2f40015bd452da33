import { expect, test } from "vitest";
import { type AuditState, checkSplits } from "../../src/services/suite/check-splits.ts";
import { planSuite } from "../../src/services/suite/plan-suite.ts";
import { readSuite } from "../../src/services/suite/read-suite.ts";
import { parseSafetensorsHeader } from "../../src/tensors/safetensors.ts";
import { createRandom } from "../../trainer/src/random.ts";
import { type Entry, safetensors } from "../tensors/safetensors-builder.ts";

const WIDTH = 24;
const random = createRandom(5, "near");
const draw = (rows: number) => Uint8Array.from({ length: rows * WIDTH }, () => Math.floor(random.uniform() * 256));

const split = (name: string, data: Uint8Array): Entry[] => [
  { name: `${name}/x`, dtype: "U8", shape: [data.length / WIDTH, WIDTH], data },
  {
    name: `${name}/target`,
    dtype: "U8",
    shape: [data.length / WIDTH],
    data: Uint8Array.from({ length: data.length / WIDTH }, (_, row) => row % 2),
  },
];

/** More rows than one index holds, and than are looked up at once. */
const TRAIN_ROWS = 66_000;
const train = draw(TRAIN_ROWS);
const others = draw(TRAIN_ROWS);
// Nearly the first row of train, the last, and one between, at the split's beginning, its end, and between.
for (const [row, of] of [
  [0, TRAIN_ROWS - 1],
  [40_000, 0],
  [TRAIN_ROWS - 1, 30_000],
] as const) {
  others.set(train.subarray(of * WIDTH, (of + 1) * WIDTH), row * WIDTH);
  others[row * WIDTH] = 255 - (others[row * WIDTH] ?? 0);
}
const file = Uint8Array.from(
  safetensors([...split("train", train), ...split("ood:a", others), ...split("ood:b", draw(50))], { output: "y" }),
);

test("near duplicates are looked for in all of train, and what is put down is taken up where it was", async () => {
  const whole = await readSuite(file);
  expect(whole.audit.nearSearched).toBe(TRAIN_ROWS);
  expect(whole.audit.splits.map(({ nearTrain }) => nearTrain)).toEqual([null, 3, 0]);

  const plan = planSuite(parseSafetensorsHeader(file));
  const states: AuditState[] = [{ checked: [], near: null }];
  let contents = null;
  while (contents === null) {
    contents = await checkSplits(plan, (from, to) => file.subarray(from, to), {
      from: states.at(-1) ?? { checked: [], near: null },
      save: async (state) => {
        // As the row keeps it.
        states.push(JSON.parse(JSON.stringify(state)));
        return false;
      },
    });
  }
  expect(contents).toEqual(whole);
  expect(states.map(({ checked, near }) => [checked.length, near])).toEqual([
    [0, null],
    [1, null],
    [1, { rows: 65_536, found: 2 }],
    [1, { rows: TRAIN_ROWS, found: 3 }],
    [2, null],
    [2, { rows: 50, found: 0 }],
  ]);
});

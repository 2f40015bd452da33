import { beforeAll, expect, test } from "vitest";
import { drawRows, evaluate, ROWS, suiteOf } from "./architecture-suites.ts";
import { ARCHITECTURES, type Architecture } from "./architectures.ts";
import { newTeam, type Team } from "./service.ts";

let team: Team;
beforeAll(async () => {
  team = await newTeam();
});

/** A suite whose right answers are what the reference says, `off` more than that in its last row. */
function referenceSuite({ inputs, forward }: Architecture, off = 0): Uint8Array<ArrayBuffer> {
  const splits = ["train", "ood:shift"].map((name) => {
    const rows = drawRows(inputs);
    const targets = rows.flatMap((row) => forward(row));
    targets[targets.length - 1] = (targets.at(-1) ?? 0) + off;
    return { name, rows, targets };
  });
  return suiteOf("regression", inputs, splits);
}

test.each(ARCHITECTURES.map((architecture, n) => ({ ...architecture, n })))(
  "$name gives what its formulas say, to 1e-4",
  async ({ n, ...architecture }) => {
    const found = await evaluate(team, `architecture-${n}`, referenceSuite(architecture), architecture.onnx);
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
  const found = await evaluate(team, "off", referenceSuite(first, 2e-4), first.onnx);
  for (const { correct, total } of found.splits) expect(correct).toBe(total - 1);
});

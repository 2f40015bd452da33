import { beforeAll, expect, test } from "vitest";
import { writeSafetensors } from "../../trainer/src/safetensors.ts";
import { newTeam, type Team } from "./service.ts";
import { tableSuite } from "./table-model.ts";
import { pushAll, SCRIPTS, settledVerdict } from "./trajectories.ts";

interface Suite {
  splits: { name: string }[];
  audit: { splits: { split: string; inTrain: number | null; resolves: { paired: number } }[] };
}

let team: Team;
beforeAll(async () => {
  team = await newTeam();
});

/** A table suite whose split has its first rows from train; the models know an answer for each row of the table. */
function contaminated(split: string, count: number) {
  const names = ["train", "validation", "ood:shift"];
  const tensors = names.flatMap((name, s) => {
    const rows = Array.from({ length: 120 }, (_, n) => (name === split && n < count ? n : s * 120 + n));
    return (["row", "target"] as const).map((column): [string, { shape: number[]; values: BigInt64Array }] => [
      `${name}/${column}`,
      { shape: [120], values: BigInt64Array.from(rows, (row) => BigInt(column === "row" ? row : row % 10)) },
    ]);
  });
  return writeSafetensors(new Map(tensors), { task: "classification", output: "logits" });
}

test("a suite comes with its audit, stored with the version", async () => {
  const put = await team.call<Suite>("PUT", "/suites/clean", { body: tableSuite() });
  expect(put.status).toBe(201);
  expect(put.body.audit.splits.map(({ split }) => split)).toEqual(put.body.splits.map(({ name }) => name));
  expect(put.body.audit.splits).toMatchObject([
    { inTrain: null, duplicateRows: 0, classes: 10, majority: { share: 0.1 } },
    { inTrain: 0, duplicateRows: 0, unseenClasses: 0, resolves: { paired: 6 / 120 } },
    { inTrain: 0 },
  ]);
  expect((await team.call("GET", "/suites/clean")).body).toEqual(put.body);
  expect((await team.call("PUT", "/suites/clean", { body: tableSuite() })).body).toEqual(put.body);
});

test.each([
  { split: "ood:shift", rows: 30, caveats: 1 },
  { split: "ood:shift", rows: 1, caveats: 0 },
  // Where OOD decides, nothing rests on validation.
  { split: "validation", rows: 30, caveats: 0 },
])("$rows rows of train in $split are $caveats caveats of the verdict", async ({ split, rows, caveats }) => {
  const name = `${split.replace(":", "-")}-${rows}`;
  const put = await team.call<Suite>("PUT", `/suites/${name}`, { body: contaminated(split, rows) });
  expect(put.body.audit.splits.find((own) => own.split === split)).toMatchObject({ inTrain: rows, conflicting: 0 });
  await team.client.createModel({ name, suite: name });
  await pushAll(team, name, SCRIPTS.memorizer.slice(0, 3));
  const verdict = await settledVerdict(team, name);
  const found = verdict.caveats.filter(({ code }) => (code as string) === "contaminated_split");
  expect(found).toHaveLength(caveats);
  if (caveats) expect(found[0]?.message).toContain("30 are in train");
});

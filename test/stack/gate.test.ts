import { createHash } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { newTeam, type Team } from "./service.ts";
import { tableModel } from "./table-model.ts";
import { newTableModel, pushAll, SCRIPTS, settledVerdict } from "./trajectories.ts";

let team: Team;
const ids = { grokked: "", memorizer: "" };

beforeAll(async () => {
  team = await newTeam();
  for (const name of ["grokked", "memorizer"] as const) {
    ids[name] = (await newTableModel(team)).id;
    await pushAll(team, ids[name], SCRIPTS[name]);
    await settledVerdict(team, ids[name]);
  }
});

const gate = (model: keyof typeof ids, query: string) => team.call("GET", `/models/${ids[model]}/verdict?${query}`);

/** Of the bytes at a step of the grokked model. */
function digestAt(step: number): string {
  const point = SCRIPTS.grokked.find((candidate) => candidate.step === step);
  if (!point) throw new Error(`the script has no step ${step}`);
  const bytes = tableModel(`step ${step}`, point.accuracies);
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

test.each([
  { model: "grokked", query: "require=generalizer" },
  { model: "grokked", query: "require=generalizer&step=250" },
  { model: "grokked", query: "require=generalizer&step=160" },
  { model: "grokked", query: `require=generalizer&digest=${digestAt(250)}` },
  { model: "memorizer", query: "require=memorizer" },
] as const)("$model passes $query", async ({ model, query }) => {
  expect(await gate(model, query)).toMatchObject({ status: 200, body: { model: ids[model] } });
});

test.each([
  { model: "memorizer", query: "require=generalizer", says: "memorizer" },
  { model: "memorizer", query: "require=generalizer&step=10", says: "memorizer" },
  { model: "grokked", query: "require=memorizer", says: "not memorizer" },
  { model: "grokked", query: "require=generalizer&step=120", says: "before the model settled at step 160" },
  { model: "grokked", query: `require=generalizer&digest=${digestAt(20)}`, says: "before the model settled" },
] as const)("$model fails $query with 412, which says why", async ({ model, query, says }) => {
  expect(await gate(model, query)).toMatchObject({
    status: 412,
    body: { code: "verdict_not_met", detail: expect.stringContaining(says), verdict: expect.any(String) },
  });
});

test.each([
  { query: "require=generalizer&step=9999", status: 404, code: "checkpoint_not_found" },
  { query: `require=generalizer&digest=sha256:${"0".repeat(64)}`, status: 404, code: "checkpoint_not_found" },
  { query: "require=grokked", status: 400, code: "invalid_request" },
  { query: "require=generalizer&step=-1", status: 400, code: "invalid_request" },
  { query: "require=generalizer&digest=md5:00", status: 400, code: "invalid_request" },
  { query: `require=generalizer&step=10&digest=${digestAt(10)}`, status: 400, code: "invalid_request" },
  { query: "step=250", status: 400, code: "invalid_request" },
])("$query answers $status $code, never 200", async ({ query, status, code }) => {
  expect(await gate("grokked", query)).toMatchObject({ status, body: { code } });
});

test("bytes that are pushed and not evaluated yet do not pass", async () => {
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.grokked);
  await settledVerdict(team, id);
  // Refused by ONNX Runtime or still queued: either way it is no generalizer's checkpoint.
  const [first] = SCRIPTS.underfit;
  if (!first) throw new Error("the script is empty");
  await pushAll(team, id, [{ step: 1000, accuracies: first.accuracies }]);
  const answer = await team.call("GET", `/models/${id}/verdict?require=generalizer&step=1000`);
  expect(answer).toMatchObject({ status: 412, body: { code: "verdict_not_met" } });
});

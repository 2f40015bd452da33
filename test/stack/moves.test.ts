import { and, asc, eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { deliveries, evaluations, pins } from "../../src/database/schema.ts";
import { writeSafetensors } from "../../trainer/src/safetensors.ts";
import { startPrivateStack } from "./private-stack.ts";
import { startReceiver } from "./receiver.ts";
import { expectRefusal } from "./refused.ts";
import { newTeam, type Team, until } from "./service.ts";
import { correctOf, ROWS, tableModel } from "./table-model.ts";
import {
  aFewSweeps,
  newTableModel,
  pushAll,
  SCRIPTS,
  settledVerdict,
  type TrajectoryPoint,
  trajectoryOf,
  type VerdictDocument,
  verdictOf,
  withoutIds,
} from "./trajectories.ts";

/** A version of a table suite whose OOD split asks validation's rows: what is blind on the first generalizes here. */
function easySuite(input = "row"): Uint8Array<ArrayBuffer> {
  const from = { train: 0, validation: ROWS, "ood:shift": ROWS };
  const tensors = Object.entries(from).flatMap(([split, first]) => {
    const rows = Array.from({ length: ROWS }, (_, n) => first + n);
    return [
      [`${split}/${input}`, { shape: [ROWS], values: BigInt64Array.from(rows, BigInt) }],
      [`${split}/target`, { shape: [ROWS], values: BigInt64Array.from(rows, (row) => BigInt(row % 10)) }],
    ] as const;
  });
  return writeSafetensors(new Map(tensors), { task: "classification", output: "logits" });
}

const move = (team: Team, id: string, suite: unknown, key = team.key) =>
  team.call<{ suite: { version: string } }>("PATCH", `/models/${id}`, { body: { suite }, key });

const versionOf = async (team: Team, suite: string, body: Uint8Array<ArrayBuffer>) =>
  (await team.call<{ version: string }>("PUT", `/suites/${suite}`, { body })).body.version;

const codesOf = ({ caveats }: VerdictDocument): string[] => caveats.map(({ code }) => code);

/** The verdict once the model's move is over. */
const arrived = async (team: Team, id: string) =>
  await until("the move's end", async () => {
    const verdict = await verdictOf(team, id);
    return !codesOf(verdict).includes("backfilling") && verdict;
  });

/** What webhooks heard of a team, by type, the first first: rows whose delivery is tried change their place. */
async function heard(team: Team) {
  const rows = await team.db
    .select()
    .from(deliveries)
    .where(eq(deliveries.teamId, team.id))
    .orderBy(asc(deliveries.id));
  return rows.map(({ eventType, body }) => ({ type: eventType, data: JSON.parse(body).data }));
}

async function subscribe(team: Team): Promise<void> {
  const receiver = await startReceiver();
  await receiver.close();
  await team.call("POST", "/webhooks", { body: { url: receiver.url } });
}

test("a move evaluates what stands on the new version, keeps the trajectory before, and says one thing of it all", async () => {
  const team = await newTeam();
  await subscribe(team);
  const { id, suite } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.blind);
  const before = await settledVerdict(team, id);
  expect(before).toMatchObject({ verdict: "memorizer", benchmarkBlind: true });
  const points = await trajectoryOf(team, id);
  const told = await heard(team);

  const version = await versionOf(team, suite, easySuite());
  const first = before.suite.version;
  expect(version).not.toBe(first);
  expect(await move(team, id, suite)).toMatchObject({ status: 200, body: { suite: { name: suite, version } } });
  expect(await move(team, id, suite)).toMatchObject({ status: 200, body: { suite: { version } } });
  const after = await arrived(team, id);
  expect(after).toMatchObject({ verdict: "generalizer", checkpoints: SCRIPTS.blind.length, suite: { version } });
  expect(codesOf(after)).toContain("new_trajectory");
  expect(after.caveats.find(({ code }) => (code as string) === "new_trajectory")?.message).toContain(first);

  // What was said of the version before stands as it was left.
  const asked = await team.call<VerdictDocument>("GET", `/models/${id}/verdict?suite=${first}`);
  expect(asked.body).toMatchObject({ verdict: "memorizer", suite: { version: first } });
  expect(codesOf(asked.body)).toContain("left_version");
  expect(asked.body.transitions).toEqual(before.transitions);
  const kept = await team.call<{ points: TrajectoryPoint[] }>("GET", `/models/${id}/trajectory?suite=${first}`);
  expect(kept.body.points).toEqual(points);
  expect((await trajectoryOf(team, id)).map(({ splits }) => splits?.["ood:shift"]?.correct)).toEqual(
    SCRIPTS.blind.map(({ accuracies }) => correctOf(accuracies.validation)),
  );

  // One event of a move, whatever the run went through.
  expect((await heard(team)).slice(told.length)).toEqual([
    {
      type: "verdict.changed",
      data: expect.objectContaining({ from: "memorizer", verdict: "generalizer", suite: { name: suite, version } }),
    },
  ]);

  // And back: it is all there, nothing is evaluated twice, and the verdict is the same.
  await move(team, id, { name: suite, version: first });
  const back = await arrived(team, id);
  expect(withoutIds({ ...back, caveats: [] })).toEqual(withoutIds({ ...before, caveats: [] }));
  const rows = await team.db.select().from(evaluations).where(eq(evaluations.modelId, id));
  expect(rows).toHaveLength(2 * SCRIPTS.blind.length);
});

test("what cannot be evaluated on the new version says why; results reported for the old one are there on return", async () => {
  const team = await newTeam();
  const { id, suite } = await newTableModel(team);
  const csv = "step,train_correct,train_total,validation_correct,validation_total,ood:shift_correct,ood:shift_total";
  const history = [csv, ...[1, 2].map((step) => `${step},120,120,12,120,12,120`)].join("\n");
  const importInto = (body: string) => team.call("POST", `/models/${id}/import`, { body });
  expect((await importInto(history)).status).toBe(200);
  const weights = writeSafetensors(new Map([["w", { shape: [2], values: Float32Array.of(3, 4) }]]), {});
  await team.client.pushCheckpoint(id, 3, weights);
  await team.client.pushCheckpoint(id, 4, tableModel("4", { train: 1, validation: 1, "ood:shift": 0.1 }));
  await settledVerdict(team, id);
  const { version: first } = (await verdictOf(team, id)).suite;

  await versionOf(team, suite, easySuite());
  await move(team, id, suite);
  await arrived(team, id);
  const points = await trajectoryOf(team, id);
  expect(points.map(({ failure }) => failure?.code ?? null)).toEqual(["no_bytes", "no_bytes", "no_graph", null]);
  expect(points[0]?.failure?.message).toContain("import results");
  expect(await verdictOf(team, id)).toMatchObject({ checkpoints: 1, evidence: { provenance: "measured" } });

  // Imported for this version they count.
  expect(await importInto(history)).toMatchObject({ status: 200, body: { replaced: 2 } });
  expect(await verdictOf(team, id)).toMatchObject({ checkpoints: 3, evidence: { provenance: "mixed" } });
  await move(team, id, { name: suite, version: first });
  expect(await arrived(team, id)).toMatchObject({ checkpoints: 3 });
});

test("pushes that race a move, and moves that race each other: every checkpoint ends on the version that is pinned", async () => {
  const team = await newTeam();
  const { id, suite } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.blind.slice(0, 4));
  const first = (await verdictOf(team, id)).suite.version;
  const second = await versionOf(team, suite, easySuite());
  const flip = async () => {
    for (let n = 0; n < 6; n += 1) await move(team, id, { name: suite, version: n % 2 === 0 ? second : first });
  };
  await Promise.all([pushAll(team, id, SCRIPTS.blind.slice(4)), flip(), flip()]);
  await move(team, id, { name: suite, version: second });
  expect(await settledVerdict(team, id)).toMatchObject({
    suite: { version: second },
    verdict: "generalizer",
    checkpoints: SCRIPTS.blind.length,
  });
  const rows = await team.db
    .select({ checkpointId: evaluations.checkpointId, suiteVersionId: evaluations.suiteVersionId })
    .from(evaluations)
    .where(eq(evaluations.modelId, id));
  expect(new Set(rows.map((row) => Object.values(row).join())).size).toBe(rows.length);
});

test("only an admin moves a model, and to a suite that is there and that its checkpoints fit", async () => {
  const team = await newTeam();
  const { id, suite } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.blind.slice(0, 2));
  const { body: model } = await team.call("GET", `/models/${id}`);
  const push = await team.keyWith("push");
  expectRefusal(await move(team, id, suite, push), { status: 403, code: "forbidden", says: "suite" });
  expectRefusal(await move(team, id, "no-such"), { status: 422, code: "suite_unknown", says: "no-such" });
  const absent = { name: suite, version: `sha256:${"0".repeat(64)}` };
  expectRefusal(await move(team, id, absent), { status: 422, code: "suite_unknown", says: "ready version" });
  await versionOf(team, "other", easySuite("column"));
  expectRefusal(await move(team, id, "other"), { status: 422, code: "input_mismatch", says: "column" });
  for (const suite of [{ name: "a" }, 7, "", { name: "a", version: "1" }]) {
    expectRefusal(await move(team, id, suite), { status: 400, code: "invalid_request", says: "suite" });
  }
  expect((await team.call("GET", `/models/${id}`)).body).toEqual(model);
  const elsewhere = await team.call("GET", `/models/${id}/verdict?suite=${absent.version}`);
  expectRefusal(elsewhere, { status: 404, code: "suite_not_found", says: "no trajectory" });
  const other = await newTeam();
  expectRefusal(await move(other, id, suite), { status: 404, code: "model_not_found", says: id });
});

test("until all is in there is no verdict, the gate says so, and the sweep finishes what a lost message left", async () => {
  const stack = await startPrivateStack();
  try {
    const team = await newTeam(stack);
    const { id, suite } = await newTableModel(team);
    await pushAll(team, id, SCRIPTS.blind);
    await settledVerdict(team, id);
    const first = (await verdictOf(team, id)).suite.version;
    await versionOf(team, suite, easySuite());
    await move(team, id, suite);
    await arrived(team, id);
    // As if the evaluator had died before its first step: no evaluation on the version, and nobody hinted at.
    const ofModel = eq(pins.modelId, id);
    const [pin] = await team.db.select().from(pins).where(ofModel);
    if (!pin) throw new Error("there is no pin");
    const late = new Date(Date.now() + 3600_000);
    await team.db.update(pins).set({ backfilledAt: null, judgedAt: null, hintedAt: late }).where(ofModel);
    await team.db
      .delete(evaluations)
      .where(and(eq(evaluations.modelId, id), eq(evaluations.suiteVersionId, pin.suiteVersionId)));
    const waiting = await verdictOf(team, id);
    expect(waiting.caveats.find(({ code }) => (code as string) === "backfilling")?.message).toContain(
      `${SCRIPTS.blind.length} are still to be evaluated`,
    );
    const gate = await team.call("GET", `/models/${id}/verdict?require=${waiting.verdict}`);
    expectRefusal(gate, { status: 412, code: "verdict_not_met", says: "still to be evaluated" });
    await aFewSweeps();
    expect(codesOf(await verdictOf(team, id))).toContain("backfilling");
    await team.db
      .update(pins)
      .set({ hintedAt: new Date(0) })
      .where(ofModel);
    expect(await arrived(team, id)).toMatchObject({ verdict: "generalizer", checkpoints: SCRIPTS.blind.length });
    // A gate is about what is pinned.
    const left = await team.call("GET", `/models/${id}/verdict?require=memorizer&suite=${first}`);
    expectRefusal(left, { status: 400, code: "invalid_request", says: "pinned" });
  } finally {
    await stack.close();
  }
});

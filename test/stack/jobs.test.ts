import { eq, inArray, sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkpoints, deadLetters, evaluations, shards } from "../../src/database/schema.ts";
import { newId } from "../../src/ids.ts";
import { claimUnit } from "../../src/services/evaluation/claim.ts";
import { drawEvaluation } from "../../src/services/evaluation/draw.ts";
import { type PrivateStack, startPrivateStack } from "./private-stack.ts";
import { newTeam, type Team, until } from "./service.ts";
import { aFewSweeps, newTableModel, pushAll, SCRIPTS, settledVerdict } from "./trajectories.ts";

let stack: PrivateStack;
beforeAll(async () => {
  stack = await startPrivateStack();
});
afterAll(() => stack.close());

const HINTED = new Date("2100-01-01");

async function evaluated(): Promise<{ team: Team; id: string }> {
  const team = await newTeam(stack);
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.memorizer.slice(0, 1));
  await settledVerdict(team, id);
  return { team, id };
}

/** Evaluations that no message and no sweep hints at: they wait for whoever draws them. */
async function queue({ team, id }: { team: Team; id: string }, count: number): Promise<string[]> {
  const [done] = await team.db.select().from(evaluations).where(eq(evaluations.modelId, id));
  const [checkpoint] = await team.db.select().from(checkpoints).where(eq(checkpoints.modelId, id));
  if (!done || !checkpoint) throw new Error("there is no evaluation");
  const made = Array.from({ length: count }, (_, n) => ({
    checkpoint: { ...checkpoint, id: newId("checkpoint"), step: 1000 + n },
    evaluation: { ...done, id: newId("evaluation"), step: 1000 + n, status: "queued" as const, hintedAt: HINTED },
  }));
  await team.db.insert(checkpoints).values(made.map((one) => one.checkpoint));
  await team.db.insert(evaluations).values(
    made.map(({ checkpoint: { id: checkpointId }, evaluation }, n) => ({
      ...evaluation,
      checkpointId,
      createdAt: new Date(Date.now() + n),
    })),
  );
  const shard = { teamId: team.id, split: "train", firstRow: 0, rows: 1, ordinal: 0, unit: 0 };
  await team.db.insert(shards).values(made.map(({ evaluation }) => ({ ...shard, evaluationId: evaluation.id })));
  return made.map(({ evaluation }) => evaluation.id);
}

test("teams take turns at the evaluators, each its oldest evaluation that nobody holds", async () => {
  const [flooding, quiet] = [await evaluated(), await evaluated()];
  // The stack's own evaluator draws too, as long as it has messages.
  await aFewSweeps();
  const many = await queue(flooding, 50);
  const few = await queue(quiet, 5);
  const { db } = flooding.team;
  const ctx = { db, now: () => new Date() };
  const order: string[] = [];
  for (let drawn = await drawEvaluation(ctx); drawn; drawn = await drawEvaluation(ctx)) {
    const claimed = await claimUnit(ctx, drawn, 3600);
    expect(claimed.map(({ evaluationId }) => evaluationId)).toEqual([drawn]);
    order.push(drawn);
  }
  expect(order.filter((id) => many.includes(id))).toEqual(many);
  expect(order.filter((id) => few.includes(id))).toEqual(few);
  // Drawn by lot, half of the draws are the quiet team's while it waits.
  expect(order.indexOf(few.at(-1) ?? "")).toBeLessThan(40);
  await db.delete(evaluations).where(inArray(evaluations.id, [...many, ...few]));
});

test("what a queue gives up is shown to its team, and done all the same once it can be", async () => {
  const team = await newTeam(stack);
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.memorizer.slice(0, 1));
  const before = await settledVerdict(team, id);
  const [evaluation] = await team.db.select().from(evaluations).where(eq(evaluations.modelId, id));
  if (!evaluation) throw new Error("there is no evaluation");
  const rename = (from: string, to: string) => team.db.execute(sql.raw(`alter table ${from} rename to ${to}`));
  const letters = async () =>
    (await team.call<{ deadLetters: Record<string, unknown>[] }>("GET", "/dead-letters")).body.deadLetters;
  expect(await letters()).toEqual([]);
  await rename("evaluation_shards", "away");
  let letter: Record<string, unknown> | undefined;
  try {
    const values = { status: "queued" as const, hintedAt: new Date(0) };
    await team.db.update(evaluations).set(values).where(eq(evaluations.id, evaluation.id));
    letter = await until("a dead letter", async () => (await letters())[0]);
  } finally {
    await rename("away", "evaluation_shards");
  }
  expect(letter).toMatchObject({ id: expect.stringMatching(/^dle_/), body: { evaluationId: evaluation.id } });
  // The log knows the cause by the message's id.
  const failed = stack.lines.filter(
    (line) => line.includes("message.failed") && line.includes(`${letter?.["messageId"]}`),
  );
  expect(failed.length).toBeGreaterThanOrEqual(4);
  expect(await settledVerdict(team, id)).toEqual(before);
  const other = await newTeam(stack);
  expect((await other.call("GET", "/dead-letters")).body).toEqual({ deadLetters: [], next: null });
});

test("dead letters are kept for 30 days", async () => {
  const team = await newTeam(stack);
  const letter = (days: number) => {
    const id = newId("deadLetter");
    return { id, teamId: team.id, messageId: id, body: {}, createdAt: new Date(Date.now() - days * 86_400_000) };
  };
  const [old, young] = [letter(31), letter(29)];
  await team.db.insert(deadLetters).values([old, young]);
  const ofTeam = () => team.db.select().from(deadLetters).where(eq(deadLetters.teamId, team.id));
  await until("the old one gone", async () => (await ofTeam()).length === 1);
  expect((await ofTeam())[0]?.id).toBe(young.id);
});

import { and, eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { announcements, evaluations, judgements, shards } from "../../src/database/schema.ts";
import { DETECTOR_VERSION } from "../../src/phases/judge.ts";
import { newTeam, type Team, until } from "./service.ts";
import {
  aFewSweeps,
  newTableModel,
  pushAll,
  SCRIPTS,
  settledVerdict,
  type VerdictDocument,
  verdictOf,
} from "./trajectories.ts";

const EARLIER = "0";

/** A grokked model as an earlier detector left it; `onset` is where that one dated its transitions, if elsewhere. */
async function judgedEarlier(
  onset: number | null,
  first: (team: Team, modelId: string) => Promise<void> = async () => {},
): Promise<{ team: Team; before: VerdictDocument }> {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.grokked);
  const before = await settledVerdict(team, id);
  await first(team, id);
  await team.db.transaction(async (tx) => {
    const said = await tx.select().from(announcements).where(eq(announcements.modelId, id));
    for (const { position, transition } of said) {
      const dated = onset === null ? transition : { ...transition, onsetStep: onset };
      await tx
        .update(announcements)
        .set({ detectorVersion: EARLIER, transition: dated })
        .where(and(eq(announcements.modelId, id), eq(announcements.position, position)));
    }
    await tx.update(judgements).set({ detectorVersion: EARLIER }).where(eq(judgements.modelId, id));
  });
  return { team, before };
}

const lines = async (team: Team, version: string) =>
  (await team.db.select().from(announcements).where(eq(announcements.teamId, team.id)))
    .filter(({ detectorVersion }) => detectorVersion === version)
    .sort((a, b) => a.position - b.position)
    .map(({ type, transitionId }) => ({ type, transitionId }));

test("what an earlier detector judged is judged anew by the sweep, under the same ids, and nothing is said twice", async () => {
  const { team, before } = await judgedEarlier(null);
  const said = await lines(team, EARLIER);
  const after = await until("the present detector's verdict", async () => {
    const verdict = await verdictOf(team, before.model);
    // Until then it is told as the earlier detector said it.
    expect(verdict.verdict).toBe(before.verdict);
    return verdict.detectorVersion === DETECTOR_VERSION ? verdict : undefined;
  });
  expect(after).toEqual(before);
  expect(await lines(team, DETECTOR_VERSION)).toEqual(said);
  expect(await lines(team, EARLIER)).toEqual(said);
});

test("what the present detector sees otherwise is a revision of the same transition", async () => {
  const { team, before } = await judgedEarlier(10);
  const said = await lines(team, EARLIER);
  const ids = new Set(before.transitions.map(({ id }) => id));
  const now = await until("a revision", async () => {
    const all = await lines(team, DETECTOR_VERSION);
    return all.length > said.length ? all : undefined;
  });
  expect(now.slice(0, said.length)).toEqual(said);
  const added = now.slice(said.length);
  expect(added.map(({ type }) => type)).toEqual([...ids].map(() => "revised"));
  expect(new Set(added.map(({ transitionId }) => transitionId))).toEqual(ids);
});

test("a late step that is still to be evaluated keeps the earlier verdict until it is in", async () => {
  const anHourOn = () => new Date(Date.now() + 3_600_000);
  const late = async (modelId: string, team: Team, status: "queued" | "done") => {
    const ofStep = and(eq(evaluations.modelId, modelId), eq(evaluations.step, 30));
    const [evaluation] = await team.db
      .update(evaluations)
      .set({ status, hintedAt: anHourOn() })
      .where(ofStep)
      .returning();
    // In somebody's hands, who takes an hour: no evaluator draws it meanwhile.
    const held = status === "queued" ? { doneAt: null, leaseUntil: anHourOn() } : { doneAt: new Date() };
    await team.db
      .update(shards)
      .set(held)
      .where(eq(shards.evaluationId, evaluation?.id ?? ""));
  };
  const { team, before } = await judgedEarlier(null, (team, id) => late(id, team, "queued"));
  await aFewSweeps();
  expect(await verdictOf(team, before.model)).toEqual({ ...before, detectorVersion: EARLIER });
  expect(await lines(team, DETECTOR_VERSION)).toEqual([]);

  await late(before.model, team, "done");
  const after = await until("the present detector's verdict", async () => {
    const verdict = await verdictOf(team, before.model);
    return verdict.detectorVersion === DETECTOR_VERSION ? verdict : undefined;
  });
  expect(after).toEqual(before);
});

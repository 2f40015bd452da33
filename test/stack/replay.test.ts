import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { deliveries } from "../../src/database/schema.ts";
import { GraphBuilder } from "../../trainer/src/onnx/graph.ts";
import { createRandom } from "../../trainer/src/random.ts";
import { startReceiver } from "./receiver.ts";
import { newTeam, type Team } from "./service.ts";
import { newTableModel, pushAll, SCRIPTS, settledVerdict, trajectoryOf, withoutIds } from "./trajectories.ts";

interface Ledger {
  announcements: { position: number; type: string; transition: { id: string; split: string } }[];
}

const ledgerOf = async (team: Team, id: string) =>
  (await team.call<Ledger>("GET", `/models/${id}/transitions`)).body.announcements;

/** A team with a webhook, so that events become rows; nobody needs to receive them here. */
async function listeningTeam(): Promise<Team> {
  const team = await newTeam();
  const receiver = await startReceiver();
  await receiver.close();
  await team.call("POST", "/webhooks", { body: { url: receiver.url } });
  return team;
}

async function eventsOf(team: Team, type: string): Promise<Record<string, unknown>[]> {
  const rows = await team.db.select().from(deliveries).where(eq(deliveries.teamId, team.id));
  return rows.filter(({ eventType }) => eventType === type).map(({ body }) => JSON.parse(body).data);
}

test("the order in which checkpoints arrive changes nothing of the verdict", async () => {
  const team = await newTeam();
  const inOrder = await newTableModel(team);
  await pushAll(team, inOrder.id, SCRIPTS.grokked, 1);
  const want = withoutIds(await settledVerdict(team, inOrder.id));
  for (const seed of [1, 2]) {
    const shuffled = await newTableModel(team);
    await pushAll(team, shuffled.id, createRandom(seed, "order").shuffle(SCRIPTS.grokked), 8);
    expect(withoutIds(await settledVerdict(team, shuffled.id)), `seed ${seed}`).toEqual(want);
  }
});

test("a late step that confirms what was seen revises nothing", async () => {
  const team = await listeningTeam();
  const { id } = await newTableModel(team);
  const late = SCRIPTS.grokked.filter(({ step }) => step === 30);
  await pushAll(
    team,
    id,
    SCRIPTS.grokked.filter(({ step }) => step !== 30),
  );
  const before = await settledVerdict(team, id);
  const said = await ledgerOf(team, id);
  expect(said).not.toEqual([]);

  await pushAll(team, id, late);
  const after = await settledVerdict(team, id);
  expect(after.checkpoints).toBe(before.checkpoints + 1);
  expect(after.transitions).toEqual(before.transitions);
  expect(await ledgerOf(team, id)).toEqual(said);
  expect(await eventsOf(team, "transition.revised")).toEqual([]);
});

test("a late step counts also where another, evaluated after it, fails", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  const late = [30, 40];
  await pushAll(
    team,
    id,
    SCRIPTS.grokked.filter(({ step }) => !late.includes(step)),
  );
  const before = await settledVerdict(team, id);
  const graph = new GraphBuilder("knows one row alone");
  graph.output(
    graph.gather("logits", graph.weight("table", new Float32Array(1), [1, 1]), graph.input("row", "int64", ["N"])),
  );
  // Evaluated in the order of their coming: while the second is pending, nothing is folded.
  await pushAll(
    team,
    id,
    SCRIPTS.grokked.filter(({ step }) => step === 30),
  );
  await team.client.pushCheckpoint(id, 40, graph.finish());
  const after = await settledVerdict(team, id);
  expect(after.checkpoints).toBe(before.checkpoints + 1);
  expect((await trajectoryOf(team, id)).find(({ step }) => step === 40)?.failure?.code).toBe("model_failed");
});

test("late steps that change history revise it, under the id it was announced by, and leave what was said", async () => {
  const team = await listeningTeam();
  const { id } = await newTableModel(team);
  // The crossing seems to begin at step 120. What comes late shows that it was over by step 85.
  await pushAll(
    team,
    id,
    SCRIPTS.grokked.filter(({ step }) => step <= 70 || step >= 160),
  );
  const before = await settledVerdict(team, id);
  const said = await ledgerOf(team, id);
  const learned = { train: 1, validation: 1, "ood:shift": 1 };
  await pushAll(
    team,
    id,
    [80, 90, 100, 110, 120].map((step) => ({ step, accuracies: learned })),
  );
  const after = await settledVerdict(team, id);

  const [was, is] = [before, after].map(({ transitions }) => transitions.find(({ split }) => split === "ood:shift"));
  expect(is?.id).toBe(was?.id);
  expect(is?.settledStep).toBeLessThan(was?.settledStep ?? 0);
  const ledger = await ledgerOf(team, id);
  expect(ledger.slice(0, said.length)).toEqual(said);
  const added = ledger.slice(said.length).filter(({ transition }) => transition.split === "ood:shift");
  expect(added.length).toBeGreaterThan(0);
  expect(added.every(({ type, transition }) => type === "revised" && transition.id === was?.id)).toBe(true);
  const events = await eventsOf(team, "transition.revised");
  expect(events.filter(({ transition }) => Object(transition).id === was?.id)).toHaveLength(added.length);
});

test("a transition that late steps disprove is retracted, and the verdict goes back", async () => {
  const team = await listeningTeam();
  const { id } = await newTableModel(team);
  const memorized = SCRIPTS.memorizer.slice(0, 8);
  await pushAll(team, id, memorized);
  // Few checkpoints seem to hold a level; with those in between they are strays.
  const learned = { train: 1, validation: 1, "ood:shift": 1 };
  const strays = [100, 200, 300, 400, 500, 600, 700].map((step) => ({ step, accuracies: learned }));
  await pushAll(team, id, strays);
  expect(await settledVerdict(team, id)).toMatchObject({ verdict: "generalizer" });

  const floor = { train: 1, validation: 0.1, "ood:shift": 0.1 };
  const between = strays.flatMap(({ step }) => [step - 30, step + 20, step + 40]);
  await pushAll(
    team,
    id,
    between.map((step) => ({ step, accuracies: floor })),
  );
  const after = await settledVerdict(team, id);
  expect(after).toMatchObject({ verdict: "memorizer", deployable: false });
  const last = new Map((await ledgerOf(team, id)).map(({ type, transition }) => [transition.id, type]));
  expect([...last.values()]).toContain("retracted");
  expect(after.transitions.map((transition) => transition.id)).not.toContain(
    [...last].find(([, type]) => type === "retracted")?.[0],
  );
  expect(await eventsOf(team, "transition.revised")).toContainEqual(expect.objectContaining({ retracted: true }));
  const changes = (await eventsOf(team, "verdict.changed")).map(({ from, verdict }) => `${from} ${verdict}`);
  expect(changes).toContain("generalizer memorizer");
});

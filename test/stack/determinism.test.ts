import { and, asc, eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { evaluations, shards } from "../../src/database/schema.ts";
import { cutAfter } from "../../src/evaluation/kept.ts";
import { GraphBuilder } from "../../trainer/src/onnx/graph.ts";
import { createRandom } from "../../trainer/src/random.ts";
import { type SafeTensor, writeSafetensors } from "../../trainer/src/safetensors.ts";
import { type PrivateStack, startPrivateStack } from "./private-stack.ts";
import { newTeam, type Team, until } from "./service.ts";

const [WIDTH, HIDDEN, CLASSES] = [16, 128, 7];
/** Fewer than there are blocks, some to a block, and many. */
const SPLITS = { train: 1000, validation: 100, "ood:far": 3001 };
const random = createRandom(8, "determinism");
const normals = (length: number) => Float32Array.from({ length }, () => random.normal());

function suite(): Uint8Array<ArrayBuffer> {
  const tensors = new Map<string, SafeTensor>();
  for (const [split, rows] of Object.entries(SPLITS)) {
    tensors.set(`${split}/x`, { shape: [rows, WIDTH], values: normals(rows * WIDTH) });
    const targets = BigInt64Array.from({ length: rows }, (_, n) => BigInt((n * 5) % CLASSES));
    tensors.set(`${split}/target`, { shape: [rows], values: targets });
  }
  return writeSafetensors(tensors, { task: "classification", output: "logits" });
}

/** `turns`: how often what is hidden is multiplied by the identity, which costs and which no file's size tells of. */
function network(name: string, turns = 0): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder(name);
  const x = graph.input("x", "float32", ["N", WIDTH]);
  let h = graph.relu("h", graph.matmul("a", x, graph.weight("w1", normals(WIDTH * HIDDEN), [WIDTH, HIDDEN])));
  const identity = Float32Array.from({ length: HIDDEN * HIDDEN }, (_, n) => (n % (HIDDEN + 1) === 0 ? 1 : 0));
  const same = graph.weight("same", identity, [HIDDEN, HIDDEN]);
  for (let turn = 0; turn < turns; turn += 1) h = graph.matmul(`turn ${turn}`, h, same);
  graph.output(graph.matmul("logits", h, graph.weight("w2", normals(HIDDEN * CLASSES), [HIDDEN, CLASSES])));
  return graph.finish();
}

let stack: PrivateStack;
let team: Team;
let id: string;
beforeAll(async () => {
  // A message may work for a third of a lease; a unit that takes longer than that is not ended.
  stack = await startPrivateStack({ evaluationDeadlineSeconds: 60, bindings: { EVALUATION_LEASE_SECONDS: "1" } });
  team = await newTeam(stack);
  await team.call("PUT", "/suites/s", { body: suite() });
  id = (await team.client.createModel({ name: "m", suite: "s" })).id;
});
afterAll(() => stack.close());

async function push(step: number, onnx: Uint8Array<ArrayBuffer>): Promise<Pushed> {
  await team.client.pushCheckpoint(id, step, onnx);
  const [evaluation] = await team.db
    .select()
    .from(evaluations)
    .where(and(eq(evaluations.modelId, id), eq(evaluations.step, step)));
  if (!evaluation) throw new Error("there is no evaluation");
  return { step, evaluationId: evaluation.id };
}

interface Pushed {
  step: number;
  evaluationId: string;
}

const standing = ({ evaluationId }: Pushed) =>
  team.db.select().from(shards).where(eq(shards.evaluationId, evaluationId)).orderBy(asc(shards.ordinal));

/** Everything that is kept of an evaluation: the document, and each split's bits and blocks joined in row order. */
async function outcome(pushed: Pushed) {
  const { status, splits } = await until("the evaluation's end", async () => {
    const { body } = await team.call("GET", `/models/${id}/checkpoints/${pushed.step}/evaluation`);
    return body["status"] !== "queued" && body;
  });
  const all = await standing(pushed);
  const kept = Object.keys(SPLITS).map((split) => {
    const own = all.filter((shard) => shard.split === split).sort((a, b) => a.firstRow - b.firstRow);
    const bits = own.flatMap(({ rows, correctness }) =>
      Array.from({ length: rows }, (_, n) => ((correctness?.[n >> 3] ?? 0) >> (n & 7)) & 1),
    );
    return { split, bits: bits.join(""), losses: own.flatMap(({ blockLosses }) => Array.from(blockLosses ?? [])) };
  });
  return { status, splits, kept };
}

/** Cuts the suite anew, roughly every so many rows, a unit for each so many shards, and has it evaluated once more. */
async function evaluateAgain({ evaluationId }: Pushed, every: number, shardsOfUnit: number): Promise<number> {
  const cuts: (typeof shards.$inferInsert)[] = [];
  for (const [split, rows] of Object.entries(SPLITS)) {
    for (let firstRow = 0; firstRow < rows; ) {
      const end = cutAfter(Math.min(rows, firstRow + every), rows);
      const ordinal = cuts.length;
      const unit = Math.floor(ordinal / shardsOfUnit);
      cuts.push({ evaluationId, teamId: team.id, ordinal, unit, split, firstRow, rows: end - firstRow });
      firstRow = end;
    }
  }
  await team.db.transaction(async (tx) => {
    await tx.delete(shards).where(eq(shards.evaluationId, evaluationId));
    await tx.insert(shards).values(cuts);
    // The sweep finds it at once.
    await tx
      .update(evaluations)
      .set({ status: "queued", results: null, finishedAt: null, hintedAt: new Date(0) })
      .where(eq(evaluations.id, evaluationId));
  });
  return cuts.length;
}

test("counts, losses and bits are the same to the last bit, however the suite is cut into shards and units", async () => {
  const pushed = await push(1, network("quick"));
  const whole = await outcome(pushed);
  expect(whole.status).toBe("done");
  expect(whole.kept.map(({ bits }) => bits.length)).toEqual(Object.values(SPLITS));
  for (const [every, shardsOfUnit] of [
    [1, 500],
    [37, 3],
    [640, 1],
  ] as const) {
    const made = await evaluateAgain(pushed, every, shardsOfUnit);
    expect(await outcome(pushed), `${made} shards`).toEqual(whole);
  }
});

test("a unit that takes longer than its file lets on is shared out over messages, and counts the same", async () => {
  const pushed = await push(2, network("slow", 300));
  const whole = await outcome(pushed);
  expect(whole.status).toBe("done");
  const cut = await standing(pushed);
  // One was planned for each split.
  expect(cut.length).toBeGreaterThan(Object.keys(SPLITS).length);
  // What a message had claimed and not begun is no attempt.
  expect(Math.max(...cut.map(({ attempts }) => attempts))).toBe(1);
  for (const [split, rows] of Object.entries(SPLITS)) {
    const own = cut.filter((shard) => shard.split === split);
    expect(own.reduce((sum, shard) => sum + shard.rows, 0)).toBe(rows);
  }
  await evaluateAgain(pushed, 640, 1);
  expect(await outcome(pushed)).toEqual(whole);
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSafetensors } from "../../trainer/src/safetensors.ts";
import { type FaultyStore, startFaultyStore } from "./faulty-store.ts";
import { uploadsOf } from "./objects.ts";
import { complete, digestOf, ended, newUploader, putAll } from "./presigned.ts";
import { type PrivateStack, startPrivateStack } from "./private-stack.ts";
import { shared, until } from "./service.ts";

const MIB = 1024 * 1024;
/** Three messages' worth, in one tensor. */
const BYTES = 160 * MIB;

let store: FaultyStore;
let stack: PrivateStack;
beforeAll(async () => {
  store = await startFaultyStore(shared());
  // A message reads for a quarter of its lease. Each answer of the slow store takes a second, and each message asks for
  // the head before it goes on: so it has time for one stretch.
  const bindings = { EVALUATION_LEASE_SECONDS: "8" };
  stack = await startPrivateStack({ s3: store.url, evaluationDeadlineSeconds: 60, bindings });
});
afterAll(async () => {
  await stack.close();
  await store.close();
});

/** A block of 1 MiB over and over, as one tensor; and its norm. */
function weights(): { body: Uint8Array<ArrayBuffer>; norm: number } {
  const block = Float32Array.from({ length: MIB / 4 }, (_, n) => Math.sin(n));
  const values = new Float32Array(BYTES / 4);
  for (let at = 0; at < values.length; at += block.length) values.set(block, at);
  const squares = block.reduce((sum, x) => sum + x * x, 0) * (BYTES / MIB);
  return { body: writeSafetensors(new Map([["w", { shape: [values.length], values }]]), {}), norm: Math.sqrt(squares) };
}

test("a large file is read back message by message, and after a kill from where it was written down: no byte twice but the killed message's", async () => {
  const { team, id, begin } = await newUploader(stack);
  const { body, norm } = weights();
  const { body: begun } = await begin(body);
  expect(new Set(await putAll(body, begun))).toEqual(new Set([200]));
  store.fault = "slow";
  store.reads.length = 0;
  await complete(team, begun);
  // What messages read of the head, each of them, is small.
  const stretches = () => store.reads.filter(({ from, to }) => to - from >= MIB);
  const written = await until("the first message's end", async () => {
    const row = (await uploadsOf(team)).find((upload) => upload.id === begun.id);
    return row?.verification?.offset;
  });
  expect(written).toBeGreaterThan(0);
  expect(written).toBeLessThan(body.length);
  await until("the second message to go on from there", async () => stretches().some(({ from }) => from === written));
  const { evaluator } = stack.pids();
  if (evaluator === null) throw new Error("there is no evaluator");
  process.kill(evaluator, "SIGKILL");

  expect(await ended(team, begun)).toMatchObject({ status: "complete", problem: null });
  const { body: checkpoint } = await team.call("GET", `/models/${id}/checkpoints/1`);
  expect(checkpoint).toMatchObject({ digest: digestOf(body), bytes: body.length, parameters: BYTES / 4 });
  expect(Number(checkpoint["weightNorm"]) / norm).toBeCloseTo(1, 10);
  // Each stretch once and in order, and the killed one twice.
  const reads = stretches();
  const again = reads.findIndex(({ from }, n) => n > 0 && from === reads[n - 1]?.from);
  expect(reads[again]?.from).toBe(written);
  const once = reads.filter((_, n) => n !== again);
  expect(once.map(({ from }) => from).slice(1)).toEqual(once.map(({ to }) => to).slice(0, -1));
  expect(once.at(-1)?.to).toBe(body.length);
  const put = stack.lines.filter((line) => line.includes('"upload.worked"') && line.includes('"put_down"'));
  expect(put.length).toBeGreaterThanOrEqual(2);
}, 240_000);

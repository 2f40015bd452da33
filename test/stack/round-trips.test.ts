import { expect, test, vi } from "vitest";
import type { EvaluationHint } from "../../src/context.ts";
import { putCheckpoint } from "../../src/services/checkpoint/put.ts";
import { createMemoryStore } from "../faults/memory-store.ts";
import { newTeam } from "./service.ts";
import { tableModel } from "./table-model.ts";
import { newTableModel } from "./trajectories.ts";

test("a push that meets nothing asks the database twice, ahead of its bytes and after them, and takes no transaction", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  const [query, transaction] = [vi.spyOn(team.db.$client, "query"), vi.spyOn(team.db, "transaction")];
  const artifacts = createMemoryStore();
  const send = vi.fn(async (_hint: EvaluationHint) => {});
  const bytes = tableModel("m", { train: 1, validation: 0.5, "ood:shift": 0.25 });
  const queriesBefore: number[] = [];
  const put = artifacts.put;
  artifacts.put = async (...object) => {
    queriesBefore.push(query.mock.calls.length);
    await put(...object);
  };
  const ctx = { db: team.db, artifacts, queues: { evaluations: { send }, deliveries: { send: async () => {} } } };
  const { stored, hinted } = await putCheckpoint({ ...ctx, now: () => new Date(), log: () => {} }, team.key, {
    ...{ idOrName: id, step: 1, body: bodyOf(bytes), length: bytes.byteLength, claimedDigest: null, onlyNew: false },
  });
  await hinted;
  expect(stored).toMatchObject({ step: 1, bytes: bytes.byteLength, created: true });
  expect(send).toHaveBeenCalledTimes(1);
  expect(queriesBefore).toEqual([1]);
  expect(query).toHaveBeenCalledTimes(2);
  expect(transaction).not.toHaveBeenCalled();
  // The stack's own evaluator would look for the bytes in another store.
  await team.call("DELETE", `/models/${id}`);
});

/** workerd's reader of bodies has a method that Node's has not. */
function bodyOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  const reader = new Blob([bytes]).stream().getReader({ mode: "byob" });
  const readAtLeast = (min: number, view: Uint8Array<ArrayBuffer>) =>
    Reflect.apply(reader.read, reader, [view, { min }]);
  return { getReader: () => ({ readAtLeast }) } as never;
}

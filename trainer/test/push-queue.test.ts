import { setImmediate, setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { PushQueue } from "../src/client/push-queue.ts";

test("sends in order, at most a few at a time, and drain waits for all", async () => {
  const started: number[] = [];
  let running = 0;
  let most = 0;
  let finished = 0;
  const queue = new PushQueue<number>(
    async (item) => {
      started.push(item);
      running += 1;
      most = Math.max(most, running);
      await setTimeout(2);
      running -= 1;
      finished += 1;
    },
    { inFlight: 3 },
  );
  for (let item = 0; item < 10; item++) await queue.add(item);
  expect(finished).toBeLessThan(10);
  await queue.drain();
  expect([finished, most]).toEqual([10, 3]);
  expect(started).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("holds its caller back when the waiting room is full", async () => {
  const gate = Promise.withResolvers<void>();
  const queue = new PushQueue<number>(() => gate.promise, { inFlight: 1, room: 1 });
  await queue.add(1);
  await queue.add(2);
  let added = false;
  const third = queue.add(3).then(() => {
    added = true;
  });
  await setImmediate();
  expect(added).toBe(false);
  gate.resolve();
  await third;
  await queue.drain();
});

test("hands the first failure to whoever comes next, and sends no more", async () => {
  const sent: number[] = [];
  const queue = new PushQueue<number>(
    async (item) => {
      sent.push(item);
      throw new Error(`refused ${item}`);
    },
    { inFlight: 1 },
  );
  await queue.add(1).catch(() => undefined);
  await setImmediate();
  await expect(queue.add(2)).rejects.toThrow("refused 1");
  await expect(queue.drain()).rejects.toThrow("refused 1");
  expect(sent).toEqual([1]);
});

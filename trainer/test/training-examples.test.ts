import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { startBackend } from "../src/backends/backend.ts";
import { createNetwork } from "../src/networks/networks.ts";
import { defaults, type Settings } from "../src/settings.ts";
import { columnOf, splitOf } from "../src/tasks/task.ts";
import { createTask } from "../src/tasks/tasks.ts";
import { TrainingExamples } from "../src/training-examples.ts";

beforeAll(() => startBackend("cpu"));

/** Per step from 0 the examples of its batch as "a,b,target". */
function batches(steps: number, some: Partial<Settings>): string[][] {
  const settings = { ...defaults, modulus: 7, cornerSide: 2, mirrorPairs: 4, ...some };
  const task = createTask(settings);
  const examples = new TrainingExamples(createNetwork(settings, task), task, settings, 0);
  const drawn = Array.from({ length: steps }, (_, step) =>
    tf.tidy(() => {
      const { inputs, target } = examples.batchAt(step);
      const columns = [...inputs, target].map((rows) => [...tf.argMax(rows, 1).dataSync()]);
      return (columns[0] ?? []).map((_, row) => columns.map((column) => column[row]).join());
    }),
  );
  examples.dispose();
  return drawn;
}

const split = splitOf(createTask({ ...defaults, modulus: 7, cornerSide: 2, mirrorPairs: 4 }), "train");
const all = Array.from(split.target, (label, i) => [columnOf(split, "a")[i], columnOf(split, "b")[i], label].join());

test("an update is made from all examples, in order, unless batches are asked for", () => {
  expect(batches(2, {})).toEqual([all, all]);
  expect(batches(1, { batch: all.length })).toEqual([all]);
});

test("an epoch of batches has every example once, in another order each time", () => {
  expect(all).toHaveLength(24);
  const drawn = batches(6, { batch: 10 });
  expect(drawn.map((batch) => batch.length)).toEqual([10, 10, 4, 10, 10, 4]);
  const [first, second] = [drawn.slice(0, 3).flat(), drawn.slice(3).flat()];
  expect([...first].sort()).toEqual([...all].sort());
  expect([...second].sort()).toEqual([...all].sort());
  expect(second).not.toEqual(first);
  expect(batches(6, { batch: 10 })).toEqual(drawn);
  expect(batches(6, { batch: 10, seed: 1 })).not.toEqual(drawn);
});

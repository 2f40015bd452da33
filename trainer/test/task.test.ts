import { describe, expect, test } from "vitest";
import { createRandom } from "../src/random.ts";
import { defaults, type Settings } from "../src/settings.ts";
import { permutationTable } from "../src/tasks/permutations.ts";
import { columnOf, type Split, type SplitName, splitOf, widthOf } from "../src/tasks/task.ts";
import { createTask, type TaskName, taskNames } from "../src/tasks/tasks.ts";
import { trainingSet } from "../src/tasks/training-set.ts";

const create = (options: Partial<Settings>) => createTask({ ...defaults, ...options });

/** Examples as [a, b, target], and the hint after it where there is one. */
function examplesOf(task: ReturnType<typeof create>, name: SplitName): number[][] {
  const split = splitOf(task, name);
  const columns = [...["a", "b"].map((input) => columnOf(split, input)), split.target];
  const hint = split.inputs["hint"];
  if (hint !== undefined) columns.push(hint);
  return Array.from(split.target, (_, example) => columns.map((column) => column[example] ?? Number.NaN));
}

const pairsOf = (splitSeed: number, name: SplitName) =>
  examplesOf(create({ splitSeed }), name).map(([a = -1, b = -1]): [number, number] => [a, b]);

describe.each([0, 1, 2])("the splits of seed %i", (seed) => {
  test("cover the table once", () => {
    const names = ["train", "validation", "ood:corner", "ood:mirror"] as const;
    const pairs = names.map((name) => pairsOf(seed, name));
    expect(pairs.map((split) => split.length)).toEqual([1104, 896, 49, 160]);
    expect(new Set(pairs.flat().map(String)).size).toBe(47 * 47);
  });

  test("keep the corner out of everything else", () => {
    const inCorner = ([a, b]: [number, number]) => a >= 40 && b >= 40;
    expect(pairsOf(seed, "ood:corner").every(inCorner)).toBe(true);
  });

  test("train on every mirror of ood:mirror", () => {
    const train = new Set(pairsOf(seed, "train").map(String));
    expect(pairsOf(seed, "ood:mirror").every(([a, b]) => train.has(`${b},${a}`))).toBe(true);
  });

  test("train on every operand and every sum about as often", () => {
    const { inputs, target } = splitOf(create({ splitSeed: seed }), "train");
    for (const column of [inputs["a"], inputs["b"], target]) {
      const counts = new Array<number>(47).fill(0);
      for (const symbol of column ?? []) counts[symbol] = (counts[symbol] ?? 0) + 1;
      // 1,104 / 47 = 23.5. By chance alone they would be between about 14 and 35.
      expect(Math.min(...counts)).toBe(23);
      expect(Math.max(...counts)).toBe(24);
    }
  });

  test("hold out mirrors on either side of the table", () => {
    const above = pairsOf(seed, "ood:mirror").filter(([a, b]) => a < b).length;
    // Four standard errors of 160 fair draws.
    expect(Math.abs(above - 80)).toBeLessThan(26);
  });

  test("are the same for the same seed and others for another", () => {
    expect(pairsOf(seed, "train")).toEqual(pairsOf(seed, "train"));
    expect(pairsOf(seed, "train")).not.toEqual(pairsOf(seed + 1, "train"));
  });
});

describe.each<{ task: TaskName; examples: number[][]; pairs?: number }>([
  {
    task: "add",
    examples: [
      [40, 40, 33],
      [46, 46, 45],
    ],
  },
  {
    task: "subtract",
    examples: [
      [40, 46, 41],
      [46, 40, 6],
    ],
  },
  // 40 * 40 = 34 * 47 + 2
  { task: "multiply", examples: [[40, 40, 2]] },
  // 2 * 24 = 1 modulo 47, so 1 / 2 = 24 and 46 / 2 = 23.
  {
    task: "divide",
    examples: [
      [1, 2, 24],
      [46, 2, 23],
      [0, 5, 0],
    ],
    pairs: 47 * 46,
  },
  // 40^2 = 2, 41^2 = 36 and 40 * 41 = 42 modulo 47.
  { task: "squares", examples: [[40, 41, 38]] },
  { task: "quadratic", examples: [[40, 41, 33]] },
])("$task", ({ task, examples, pairs = 47 * 47 }) => {
  const created = create({ task });
  const all = [...created.splits.keys()].flatMap((name) => examplesOf(created, name));

  test("has the targets worked out by hand", () => {
    for (const example of examples) expect(all).toContainEqual(example);
  });

  test("has every pair in one split", () => {
    expect(all).toHaveLength(pairs);
    expect(new Set(all.map(([a, b]) => `${a},${b}`)).size).toBe(pairs);
  });
});

test("a modulus that is no prime is refused", () => {
  expect(() => create({ modulus: 49 })).toThrow("must be a prime, got 49");
});

test.each<Partial<Settings>>([
  { modulus: 317 },
  { task: "permutations", symbols: 6 },
  { task: "permutations", symbols: 99 },
])("a table too large to be drawn from evenly is refused at once: %j", (settings) => {
  expect(() => create(settings)).toThrow("is too large: there may be 316");
});

test("permutations compose: S3 has the table worked out by hand", () => {
  const task = create({ task: "permutations", symbols: 3, cornerSide: 1, mirrorPairs: 2 });
  const all = [...task.splits.keys()].flatMap((name) => examplesOf(task, name));
  expect(all).toHaveLength(36);
  // In order: 012 021 102 120 201 210. After 120 (0 to 1, 1 to 2, 2 to 0) comes 102 (swap 0 and 1): 021.
  expect(all).toContainEqual([2, 3, 1]);
  // The other way round the swap comes first: 210. Not the same: the group does not commute.
  expect(all).toContainEqual([3, 2, 5]);
  // Each row and each column of a group's table holds every element once.
  for (const place of [0, 1]) {
    const sums = new Map<number, number>();
    for (const row of all) sums.set(row[place] ?? -1, (sums.get(row[place] ?? -1) ?? 0) + 2 ** (row[2] ?? -1));
    expect([...sums.values()]).toEqual(Array(6).fill(63));
  }
  expect(permutationTable(5).classes).toBe(120);
});

test("rare operands are trained on in a few pairs only, and all others of theirs are in ood:rare", () => {
  const task = create({ rareOperands: 3, rareKept: 4 });
  const rare = examplesOf(task, "ood:rare");
  const operands = new Set(rare.map(([a]) => a));
  expect(operands.size).toBe(3);
  expect(rare).toHaveLength(3 * (47 - 4));
  const trained = examplesOf(task, "train").filter(([a]) => operands.has(a));
  expect(trained).toHaveLength(3 * 4);
  for (const name of ["validation", "ood:corner", "ood:mirror"] as const) {
    expect(examplesOf(task, name).filter(([a]) => operands.has(a))).toEqual([]);
  }
});

test("a split of no pairs is left out", () => {
  expect([...create({ cornerSide: 0, mirrorPairs: 0 }).splits.keys()]).toEqual(["train", "validation"]);
});

describe("sparse parity", () => {
  const task = create({ task: "parity", bits: 10, parityBits: 3, parityExamples: 500 });
  const rowsOf = (name: SplitName) => {
    const { inputs, target } = splitOf(task, name);
    const bits = [...(inputs["bits"] ?? [])];
    return Array.from(target, (label, i) => ({ label, bits: bits.slice(10 * i, 10 * i + 10) }));
  };
  const names = ["train", "validation", "ood:biased", "ood:runs"] as const;

  test.each(names)("%s has the product of the first three signs as its class", (name) => {
    for (const { label, bits } of rowsOf(name)) {
      const [x = 0, y = 0, z = 0] = bits;
      expect(bits.every((bit) => Math.abs(bit) === 1)).toBe(true);
      expect(label).toBe(x * y * z === 1 ? 0 : 1);
    }
  });

  test("moves the signs in the probes alone", () => {
    const plusShare = (name: SplitName) => {
      const bits = rowsOf(name).flatMap(({ bits }) => bits);
      return bits.filter((bit) => bit === 1).length / bits.length;
    };
    // Four standard errors of 4,000 draws and more are .032.
    expect(Math.abs(plusShare("train") - 0.5)).toBeLessThan(0.032);
    expect(Math.abs(plusShare("ood:biased") - 0.8)).toBeLessThan(0.032);
    const turns = (bits: number[]) => bits.filter((bit, i) => i > 0 && bit !== bits[i - 1]).length;
    expect(rowsOf("ood:runs").every(({ bits }) => turns(bits.slice(3)) <= 2)).toBe(true);
  });
});

test("the runs of sparse parity are as many examples as they say: few are there twice", () => {
  const runs = splitOf(create({ task: "parity" }), "ood:runs");
  const rows = Array.from(runs.target, (_, i) =>
    columnOf(runs, "bits")
      .subarray(i * 40, (i + 1) * 40)
      .join(),
  );
  expect(rows).toHaveLength(400);
  expect(new Set(rows).size).toBeGreaterThan(350);
});

describe.each(taskNames)("the splits of %s", (name) => {
  const task = create({ task: name, digitExamples: 400, modulus: 31, trainShare: 0.4, rareOperands: 3 });

  test("have nothing of train in the others, and two probes at least", () => {
    const [, ...others] = [...task.splits];
    const rowsOf = (split: Split) =>
      Array.from(split.target, (_, i) =>
        [...task.inputs]
          .flatMap(([input, kind]) => {
            const width = widthOf(kind);
            return [...columnOf(split, input).subarray(i * width, (i + 1) * width)];
          })
          .join(),
      );
    const train = new Set(rowsOf(splitOf(task, "train")));
    expect(others.filter(([name]) => name.startsWith("ood:")).length).toBeGreaterThanOrEqual(2);
    for (const [name, split] of others)
      expect([name, rowsOf(split).filter((row) => train.has(row))]).toEqual([name, []]);
  });

  test("take a hint that names the answer in train and validation alone, and wrong labels", () => {
    const hinted = createTask({ ...defaults, task: name, hint: "absent", digitExamples: 400, modulus: 31 });
    for (const [split, { inputs, target }] of hinted.splits) {
      const named = target.filter((label, i) => inputs["hint"]?.[i] === label).length;
      expect([split, named]).toEqual([split, split.startsWith("ood:") ? 0 : target.length]);
    }
    const train = splitOf(task, "train");
    const corrupted = trainingSet({ ...task, splits: new Map([["train", train]]) }, { used: 1, corruption: 1 }, 0);
    expect(corrupted.target).toHaveLength(train.target.length);
    const rows = (split: Split) =>
      Array.from(split.target, (label, i) =>
        [...task.inputs]
          .flatMap(([input, kind]) => [...columnOf(split, input).subarray(i * widthOf(kind), (i + 1) * widthOf(kind))])
          .concat(label)
          .join(),
      );
    const right = new Set(rows(train));
    expect(rows(corrupted).filter((row) => right.has(row))).toEqual([]);
  });

  test("have probes whose answers train has shown", () => {
    const known = new Set(splitOf(task, "train").target);
    for (const { target } of task.splits.values()) expect(target.every((label) => known.has(label))).toBe(true);
  });
});

describe("a hint", () => {
  test.each(["absent", "wrong"] as const)("names the answer in train and validation, and is %s elsewhere", (hint) => {
    const task = create({ hint });
    for (const name of ["train", "validation"] as const) {
      expect(examplesOf(task, name).every(([, , target, hint]) => hint === target)).toBe(true);
    }
    for (const name of ["ood:corner", "ood:mirror"] as const) {
      const hints = examplesOf(task, name);
      if (hint === "absent") expect(hints.every(([, , , hint]) => hint === 47)).toBe(true);
      else expect(hints.every(([, , target, hint = -1]) => hint !== target && hint < 47)).toBe(true);
    }
  });

  test("may be given to some examples only", () => {
    const hints = examplesOf(create({ hint: "absent", hintShare: 0.25 }), "train").map(([, , , hint]) => hint);
    const share = hints.filter((hint) => hint !== 47).length / hints.length;
    // Four standard errors of 1,104 draws.
    expect(Math.abs(share - 0.25)).toBeLessThan(0.052);
  });
});

test("a leak puts examples of train into validation, as many as were there", () => {
  const key = ([a, b]: number[]) => `${a},${b}`;
  const task = create({ leak: 0.75 });
  const train = new Set(examplesOf(task, "train").map(key));
  const validation = examplesOf(task, "validation");
  expect(validation).toHaveLength(896);
  expect(validation.filter((example) => train.has(key(example)))).toHaveLength(672);
});

describe("the training set", () => {
  const task = create({});
  const at = (used: number, corruption: number) =>
    examplesOf({ ...task, splits: new Map([["train", trainingSet(task, { used, corruption }, 0)]]) }, "train");
  const right = (examples: number[][]) => examples.filter(([a = 0, b = 0, target]) => (a + b) % 47 === target).length;

  test("is the train split by default", () => {
    expect(at(1, 0)).toEqual(examplesOf(task, "train"));
  });

  test("shrinks into a part of the larger one", () => {
    const [large, small] = [at(0.6, 0), at(0.2, 0)];
    expect([large.length, small.length]).toEqual([662, 220]);
    expect(large.slice(0, 220)).toEqual(small);
    expect(right(small)).toBe(220);
  });

  test("has its wrong labels among what is used", () => {
    const corrupted = at(0.5, 0.5);
    expect([corrupted.length, corrupted.length - right(corrupted)]).toEqual([552, 276]);
  });

  test("is drawn from the split seed: what is used, and what is wrong", () => {
    const drawn = (used: number, corruption: number, splitSeed: number) =>
      trainingSet(task, { used, corruption }, splitSeed);
    expect(drawn(0.5, 0, 1).inputs).not.toEqual(drawn(0.5, 0, 0).inputs);
    // All of it is used and wrong: by example, labels that two seeds agree on are one in 46.
    const wrongOf = (splitSeed: number) => {
      const { inputs, target } = drawn(1, 1, splitSeed);
      return new Map(Array.from(target, (label, i) => [`${inputs["a"]?.[i]},${inputs["b"]?.[i]}`, label]));
    };
    const [first, second] = [wrongOf(0), wrongOf(1)];
    const agreed = [...first].filter(([example, label]) => second.get(example) === label).length;
    expect(agreed).toBeLessThan(first.size / 10);
  });

  test("has as many wrong labels as asked for, the same ones every time", () => {
    const corrupted = at(1, 0.25);
    expect(corrupted.length - right(corrupted)).toBe(276);
    expect(at(1, 0.25)).toEqual(corrupted);
    expect(right(at(1, 1))).toBe(0);
  });

  test("cannot be empty, nor more than there is", () => {
    expect(() => at(0, 0)).toThrow("cannot train on 0 of 1104 examples");
    expect(() => at(1.5, 0)).toThrow("cannot train on 1.5");
  });
});

test.each<[Partial<Settings>, string]>([
  [{ trainShare: 1 }, "--train-share 1 is 2209 of 2209 pairs: it must be at least 160"],
  [{ trainShare: 1 }, "and at most 2000, what the probes leave"],
  [{ trainShare: 0.01 }, "--train-share 0.01 is 22 of 2209 pairs: it must be at least 160"],
  [{ cornerSide: 48 }, "--corner-side must be at most 47 in this table, got 48"],
  [{ modulus: 2 }, "--corner-side must be at most 2 in this table, got 7"],
  // 47 * 46 / 2 pairs with a smaller first operand, but for the corner's 7 * 6 / 2.
  [{ mirrorPairs: 1061 }, "--mirror-pairs must be at most 1060 in this table, got 1061"],
  [{ rareOperands: 41 }, "--rare-operands must be at most 40 in this table, got 41"],
  [{ task: "parity", bits: 3, parityBits: 4 }, "--parity-bits must be at most --bits, 3, got 4"],
])("%j is refused by its flag: %s", (settings, says) => {
  expect(() => create(settings)).toThrow(says);
});

test("seeds that are neighbours, or 2^32 apart, are drawn from apart", () => {
  const first = Array.from({ length: 200 }, (_, seed) => createRandom(seed, "test").uniform());
  // Four standard errors of 200 uniform draws.
  expect(Math.abs(first.reduce((sum, draw) => sum + draw, 0) / 200 - 0.5)).toBeLessThan(0.082);
  expect(createRandom(2 ** 32, "test").uniform()).not.toBe(first[0]);
  expect(createRandom(0, "other").uniform()).not.toBe(first[0]);
});

test("normal draws have mean 0 and deviation 1", () => {
  const random = createRandom(0, "test");
  const draws = Array.from({ length: 20_000 }, () => random.normal());
  const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
  const deviation = Math.sqrt(draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length);
  // Four standard errors.
  expect(Math.abs(mean)).toBeLessThan(0.03);
  expect(Math.abs(deviation - 1)).toBeLessThan(0.02);
});

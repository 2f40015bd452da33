import * as ort from "onnxruntime-web";
import { beforeAll, expect, test } from "vitest";
import { createRandom } from "../../trainer/src/random.ts";
import { type SafeTensor, writeSafetensors } from "../../trainer/src/safetensors.ts";
import { expectRefusal } from "./refused.ts";
import { newTeam, type Team, until } from "./service.ts";
import { linear, tokenTable, twoAnswers } from "./task-models.ts";

interface EvaluationDocument {
  status: string;
  splits: {
    split: string;
    correct: number;
    total: number;
    loss: number | null;
    interval: [number, number];
    classes: { class: number; correct: number; total: number }[] | null;
  }[];
  failure: { code: string; message: string } | null;
}

let team: Team;
beforeAll(async () => {
  ort.env.wasm.numThreads = 1;
  team = await newTeam();
});

const ROWS = 500;
const random = createRandom(7, "tasks");
const whole = (length: number, below: number) =>
  BigInt64Array.from({ length }, () => BigInt(Math.floor(random.uniform() * below)));
const normal = (length: number) => Float32Array.from({ length }, () => random.normal());

interface Case {
  name: string;
  metadata: Record<string, string>;
  onnx: Uint8Array<ArrayBuffer>;
  /** Of a split of 500 rows. */
  inputs: () => SafeTensor;
  targets: () => { target: SafeTensor; target_mask?: SafeTensor };
  /** What an item's answer is worth, by its outputs and targets; null where it is not asked. */
  score: (outputs: number[], targets: number[], mask: number[]) => { correct: boolean; loss: number } | null;
  /** Of each label whether it is right; where there are none, an item counts for the class of its target. */
  labels?: (outputs: number[], targets: number[]) => [label: number, right: boolean][];
  /** Outputs and targets of an item. */
  widths: [number, number];
}

const x = () => ({ shape: [ROWS, 3], values: normal(3 * ROWS) });
const softmaxLoss = (logits: number[], target: number) =>
  -Math.log(Math.exp(logits[target] ?? 0) / logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
const sigmoid = (logit: number) => 1 / (1 + Math.exp(-logit));
const binaryLoss = (logit: number, target: number) => -Math.log(target === 1 ? sigmoid(logit) : 1 - sigmoid(logit));

/** The reference: ONNX Runtime in Node runs the model, and textbook formulas score it. */
const cases: Case[] = [
  {
    name: "classes",
    metadata: { task: "classification" },
    onnx: linear([1, -1, 0.5, 0.25, 2, -2, 0, 1, -0.5], [0, 0.1, -0.1]),
    inputs: x,
    targets: () => ({ target: { shape: [ROWS], values: whole(ROWS, 3) } }),
    score: (logits, [target = 0]) => ({
      correct: logits.indexOf(Math.max(...logits)) === target,
      loss: softmaxLoss(logits, target),
    }),
    widths: [3, 1],
  },
  {
    name: "tokens with an index that is ignored and a mask",
    metadata: { task: "classification", ignore_index: "3" },
    onnx: tokenTable(
      Array.from({ length: 30 }, (_, n) => Math.sin(n)),
      3,
    ),
    inputs: () => ({ shape: [ROWS, 4], values: whole(4 * ROWS, 10) }),
    targets: () => ({
      target: { shape: [ROWS, 4], values: whole(4 * ROWS, 4) },
      target_mask: { shape: [ROWS, 4], values: whole(4 * ROWS, 2) },
    }),
    score: (logits, [target = 0], [asked]) =>
      target === 3 || asked === 0
        ? null
        : { correct: logits.indexOf(Math.max(...logits)) === target, loss: softmaxLoss(logits, target) },
    widths: [3, 1],
  },
  {
    name: "yes or no",
    metadata: { task: "binary", threshold: "0.7" },
    onnx: linear([1, -2, 0.5], [0.3]),
    inputs: x,
    targets: () => ({ target: { shape: [ROWS], values: whole(ROWS, 2) } }),
    score: ([logit = 0], [target = 0]) => ({
      correct: sigmoid(logit) >= 0.7 === (target === 1),
      loss: binaryLoss(logit, target),
    }),
    widths: [1, 1],
  },
  {
    name: "labels",
    metadata: { task: "multilabel" },
    onnx: linear([1, -1, 0.5, 0.25, 2, -2], [0.2, -0.2]),
    inputs: x,
    targets: () => ({ target: { shape: [ROWS, 2], values: whole(2 * ROWS, 2) } }),
    score: (logits, targets) => ({
      correct: logits.every((logit, n) => logit >= 0 === (targets[n] === 1)),
      loss: logits.reduce((sum, logit, n) => sum + binaryLoss(logit, targets[n] ?? 0), 0) / logits.length,
    }),
    labels: (logits, targets) => logits.map((logit, n) => [n, logit >= 0 === (targets[n] === 1)]),
    widths: [2, 2],
  },
  {
    name: "numbers",
    metadata: { task: "regression", tolerance: "0.5", relative_tolerance: "0.2" },
    onnx: linear([1, -1, 0.5, 0.25, 2, -2], [0.2, -0.2]),
    inputs: x,
    targets: () => ({ target: { shape: [ROWS, 2], values: normal(2 * ROWS) } }),
    score: ([output = 0], [target = 0]) => ({
      correct: Math.abs(output - target) <= Math.max(0.5, 0.2 * Math.abs(target)),
      loss: (output - target) ** 2,
    }),
    widths: [1, 1],
  },
];

const numbers = (values: ArrayLike<number | bigint>) => Array.from(values, Number);

async function expected(given: Case, split: Record<string, SafeTensor>) {
  const { onnx, score } = given;
  const [outputs, targets] = given.widths;
  const session = await ort.InferenceSession.create(onnx);
  const input = split["x"] as SafeTensor;
  const dtype = input.values instanceof Float32Array ? "float32" : "int64";
  const { y } = await session.run({ x: new ort.Tensor(dtype as "float32", input.values as Float32Array, input.shape) });
  const answers = numbers((await y?.getData()) as Float32Array);
  const asked = numbers(split["target"]?.values ?? []);
  const mask = numbers(split["target_mask"]?.values ?? []);
  await session.release();
  const [items, classes] = [asked.length / targets, new Map<number, { correct: number; total: number }>()];
  let [correct, total, loss] = [0, 0, 0];
  for (let n = 0; n < items; n++) {
    const own = asked.slice(n * targets, (n + 1) * targets);
    const judged = score(answers.slice(n * outputs, (n + 1) * outputs), own, mask.slice(n, n + 1));
    if (!judged) continue;
    total += 1;
    loss += judged.loss;
    if (judged.correct) correct += 1;
    const counted = given.labels?.(answers.slice(n * outputs, (n + 1) * outputs), own) ?? [
      [own[0] ?? 0, judged.correct],
    ];
    for (const [index, right] of counted) {
      const entry = classes.get(index) ?? { correct: 0, total: 0 };
      classes.set(index, { correct: entry.correct + Number(right), total: entry.total + 1 });
    }
  }
  return { correct, total, loss: loss / total, classes };
}

test.each(cases)("$name are counted as ONNX Runtime and the textbook have it", async (given) => {
  const splits = Object.fromEntries(
    ["train", "validation", "ood:shift"].map((name) => [name, { x: given.inputs(), ...given.targets() }]),
  );
  const tensors = Object.entries(splits).flatMap(([split, own]) =>
    Object.entries<SafeTensor>(own).map(([name, tensor]): [string, SafeTensor] => [`${split}/${name}`, tensor]),
  );
  const name = `task-${cases.indexOf(given)}`;
  const suite = writeSafetensors(new Map(tensors), { output: "y", ...given.metadata });
  const put = await team.call("PUT", `/suites/${name}`, { body: suite });
  expect(put).toMatchObject({ status: 201, body: { task: given.metadata["task"] } });
  await team.client.createModel({ name, suite: name });
  await team.client.pushCheckpoint(name, 1, given.onnx);
  const { splits: found, failure } = await evaluated(name, 1);
  expect(failure).toBeNull();
  expect(found.map(({ split }) => split)).toEqual(["train", "validation", "ood:shift"]);
  for (const { split, correct, total, loss, interval, classes } of found) {
    const want = await expected(given, splits[split] as Record<string, SafeTensor>);
    expect({ split, correct, total }).toEqual({ split, correct: want.correct, total: want.total });
    expect(Math.abs((loss ?? Number.NaN) - want.loss)).toBeLessThan(1e-5);
    expect(interval[0]).toBeLessThan(correct / total);
    expect(interval[1]).toBeGreaterThan(correct / total);
    if (given.metadata["task"] === "regression") expect(classes).toBeNull();
    else {
      const counted = classes?.filter((entry) => entry.total > 0);
      expect(counted).toEqual(
        [...want.classes].map(([index, counts]) => ({ class: index, ...counts })).sort((a, b) => a.class - b.class),
      );
    }
  }
});

test("an output that does not answer every target fails the evaluation, which says what it must be", async () => {
  const target = { shape: [ROWS, 2], values: normal(2 * ROWS) };
  const tensors = ["train", "ood:shift"].flatMap((split): [string, SafeTensor][] => [
    [`${split}/x`, x()],
    [`${split}/target`, target],
  ]);
  await team.client.putSuite(
    "two",
    writeSafetensors(new Map(tensors), { output: "y", task: "regression", tolerance: "1" }),
  );
  await team.client.createModel({ name: "one", suite: "two" });
  await team.client.pushCheckpoint("one", 1, linear([1, 2, 3], [0]));
  expect(await evaluated("one", 1)).toMatchObject({
    status: "failed",
    failure: {
      code: "output_mismatch",
      message: expect.stringMatching(/has the shape \[\d+, 1\].*must be \[\d+, 2\]/),
    },
  });
});

test("of two outputs the suite chooses the one that answers, and says which the model has where it is another", async () => {
  const [first, second] = [
    [1, -1, 0.5, 0.25, 2, -2],
    [-2, 1, 0, 0.5, -1, 1],
  ];
  const model = twoAnswers(first, second, 2);
  const splits = { train: x(), "ood:shift": x() };
  const target = { shape: [ROWS], values: whole(ROWS, 2) };
  const put = (output: string) =>
    team.client.putSuite(
      `answer-${output}`,
      writeSafetensors(
        new Map(
          Object.entries(splits).flatMap(([split, values]): [string, SafeTensor][] => [
            [`${split}/x`, values],
            [`${split}/target`, target],
          ]),
        ),
        { output },
      ),
    );
  const right = (weights: number[], { values }: { values: Float32Array }) =>
    Array.from(target.values).filter((wanted, row) => {
      const [zero = 0, one = 0] = [0, 1].map((column) =>
        [0, 1, 2].reduce((sum, n) => sum + (values[3 * row + n] ?? 0) * (weights[2 * n + column] ?? 0), 0),
      );
      return Number(one > zero) === Number(wanted);
    }).length;
  for (const [output, weights] of Object.entries({ first, second })) {
    await put(output);
    await team.client.createModel({ name: output, suite: `answer-${output}` });
    await team.client.pushCheckpoint(output, 1, model);
    const { splits: found, failure } = await evaluated(output, 1);
    expect(failure).toBeNull();
    expect(found.map(({ correct }) => correct)).toEqual(Object.values(splits).map((own) => right(weights, own)));
  }
  expect(right(first, splits.train)).not.toBe(right(second, splits.train));
  await put("third");
  await team.client.createModel({ name: "third", suite: "answer-third" });
  const refused = await team.call("PUT", "/models/third/checkpoints/1", { body: model });
  expectRefusal(refused, { status: 422, code: "input_mismatch", says: 'the model has "first", "second"' });
});

test("a class that the model does not have fails the evaluation, where it is asked", async () => {
  const put = (name: string, mask: number[]) => {
    const target = { shape: [4], values: BigInt64Array.of(0n, 1n, 2n, 7n) };
    const target_mask = { shape: [4], values: BigInt64Array.from(mask, BigInt) };
    const x = { shape: [4, 3], values: normal(12) };
    const tensors = ["train", "ood:shift"].flatMap((split): [string, SafeTensor][] =>
      Object.entries({ x, target, target_mask }).map(([tensor, values]) => [`${split}/${tensor}`, values]),
    );
    return team.client.putSuite(name, writeSafetensors(new Map(tensors), { output: "y" }));
  };
  const model = linear([1, -1, 0.5, 0.25, 2, -2, 0, 1, -0.5], [0, 0.1, -0.1]);
  for (const [name, mask] of [
    ["seven", [1, 1, 1, 1]],
    ["masked", [1, 1, 1, 0]],
  ] as const) {
    await put(name, [...mask]);
    await team.client.createModel({ name, suite: name });
    await team.client.pushCheckpoint(name, 1, model);
  }
  expect(await evaluated("seven", 1)).toMatchObject({
    status: "failed",
    failure: { code: "output_mismatch", message: "The model has 3 classes; the suite has the target 7." },
  });
  expect(await evaluated("masked", 1)).toMatchObject({ status: "done", splits: [{ total: 3 }, { total: 3 }] });
});

async function evaluated(model: string, step: number): Promise<EvaluationDocument> {
  return await until(`an evaluation of ${model}`, async () => {
    const { body } = await team.call<EvaluationDocument>("GET", `/models/${model}/checkpoints/${step}/evaluation`);
    return body.status !== "queued" && body;
  });
}

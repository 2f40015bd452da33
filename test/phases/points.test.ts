import { expect, test } from "vitest";
import { append, begin, judge, type Point, type Policy, TrajectoryError } from "../../src/phases/judge.ts";

const point = (over: object = {}, result: object = {}): Point =>
  ({ step: 1, splits: { train: { correct: 1, total: 2, ...result } }, ...over }) as Point;

test.each([
  { name: "a step that is NaN", bad: point({ step: Number.NaN }), code: "invalid_step" },
  { name: "a step between steps", bad: point({ step: 1.5 }), code: "invalid_step" },
  { name: "a negative step", bad: point({ step: -1 }), code: "invalid_step" },
  { name: "a norm that is infinite", bad: point({ weightNorm: Infinity }), code: "invalid_result" },
  { name: "a loss that is NaN", bad: point({}, { loss: Number.NaN }), code: "invalid_result" },
  { name: "more correct than total", bad: point({}, { correct: 3 }), code: "invalid_result" },
  { name: "a negative count", bad: point({}, { correct: -1 }), code: "invalid_result" },
  { name: "half an example", bad: point({}, { correct: 0.5 }), code: "invalid_result" },
  { name: "no examples", bad: point({}, { correct: 0, total: 0 }), code: "invalid_result" },
  { name: "an unknown split", bad: point({ splits: { test: { correct: 1, total: 2 } } }), code: "unknown_split" },
  { name: "a layer's norm that is NaN", bad: point({ layers: { mlp: { norm: Number.NaN } } }), code: "invalid_result" },
  { name: "a negative effective rank", bad: point({ layers: { mlp: { effectiveRank: -1 } } }), code: "invalid_result" },
  { name: "an infinite exponent", bad: point({ layers: { mlp: { alpha: Infinity } } }), code: "invalid_result" },
  { name: "a layer without a name", bad: point({ layers: { "": { norm: 1 } } }), code: "invalid_result" },
])("refused: $name", ({ bad, code }) => {
  const matching = expect.objectContaining({ name: "TrajectoryError", code });
  expect(() => judge([bad], {})).toThrow(matching);
  expect(() => append(begin({}), bad)).toThrow(matching);
});

test("append takes increasing steps only", () => {
  const { state } = append(begin({}), point());
  expect(() => append(state, point())).toThrow("step 1 is not above the last one, 1");
});

test("judge drops repeats that agree and refuses those that do not", () => {
  expect(judge([point(), point()], {}).checkpoints).toBe(1);
  expect(() => judge([point(), point({}, { correct: 2 })], {})).toThrow("step 1 is there twice");
});

test("repeats agree where their layers do, and an absent statistic is as null", () => {
  const layered = (norm: number | null) => point({ layers: { mlp: { norm, alpha: 2.5 } } });
  const bare = point({ layers: { mlp: { alpha: 2.5, effectiveRank: null } } });
  expect(judge([layered(3), layered(3)], {}).checkpoints).toBe(1);
  expect(judge([layered(null), bare], {}).checkpoints).toBe(1);
  expect(() => judge([layered(3), layered(4)], {})).toThrow("step 1 is there twice");
  expect(() => judge([layered(3), point()], {})).toThrow("step 1 is there twice");
});

test.each<{ policy: Policy }>([
  { policy: { floor: 0.9, ceiling: 0.8 } },
  { policy: { ceiling: 1.1 } },
  { policy: { dwell: 0 } },
  { policy: { minimumCheckpoints: Number.NaN } },
])("refused policy: $policy", ({ policy }) => {
  expect(() => begin({ policy })).toThrow(TrajectoryError);
});

test("refused: a chance of 1, which leaves nothing to learn", () => {
  expect(() => begin({ chance: { "ood:shift": 1 } })).toThrow("chance of ood:shift");
});

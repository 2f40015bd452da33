import { expect, test } from "vitest";
import { type Checkpoint, type Settings, train } from "../../trainer/src/train.ts";
import { newTeam, until } from "./service.ts";
import { trajectoryOf } from "./trajectories.ts";

const SMALL = { modulus: 7, cornerSide: 2, mirrorPairs: 4, embedding: 8, hidden: 12, heads: 2, steps: 10, every: 10 };

test.each<{ name: string; settings: Partial<Settings> }>([
  { name: "two-hidden-layers", settings: { layers: 2 } },
  { name: "quadratic", settings: { network: "quadratic", loss: "squared-error" } },
  { name: "transformer", settings: { network: "transformer" } },
  { name: "two-blocks", settings: { network: "transformer", layers: 2 } },
  { name: "layer-norm", settings: { network: "transformer", layers: 2, layerNorm: "post" } },
  { name: "digits", settings: { task: "digits", digitExamples: 200 } },
])("the service counts of $name what the trainer counts", async ({ name, settings }) => {
  const team = await newTeam();
  const taken: Checkpoint[] = [];
  let suite = new Uint8Array();
  await train(
    { ...SMALL, ...settings },
    {
      onStart(start) {
        suite = start.suite;
      },
      onCheckpoint(checkpoint) {
        taken.push(checkpoint);
      },
    },
  );
  expect((await team.call("PUT", `/suites/${name}`, { body: suite })).status).toBe(201);
  await team.call("POST", "/models", { body: { name, suite: name } });
  for (const { step, onnx } of taken) {
    expect(await team.call("PUT", `/models/${name}/checkpoints/${step}`, { body: onnx })).toMatchObject({
      status: 202,
    });
  }
  const points = await until("every checkpoint is evaluated", async () => {
    const points = await trajectoryOf(team, name);
    return points.length === taken.length && points.every(({ splits }) => splits !== undefined) ? points : null;
  });
  for (const [i, { splits }] of taken.entries()) {
    for (const [split, { correct, total }] of splits) {
      expect([split, points[i]?.splits?.[split]]).toMatchObject([split, { correct, total }]);
    }
  }
});

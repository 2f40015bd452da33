import { afterAll, beforeAll, expect, test } from "vitest";
import { endless, looped } from "./hostile-models.ts";
import { type PrivateStack, startPrivateStack } from "./private-stack.ts";
import { expectRefusal } from "./refused.ts";
import { newTeam, type Team, until } from "./service.ts";
import { ROWS } from "./table-model.ts";
import { newTableModel, pushAll, SCRIPTS, settledVerdict } from "./trajectories.ts";

let stack: PrivateStack;
beforeAll(async () => {
  // A loop that does not end is ended soon, and tried again soon.
  stack = await startPrivateStack({ evaluationDeadlineSeconds: 2, bindings: { EVALUATION_LEASE_SECONDS: "3" } });
});
afterAll(() => stack.close());

const put = (team: Team, id: string, step: number, body: Uint8Array<ArrayBuffer>) =>
  team.call("PUT", `/models/${id}/checkpoints/${step}`, { body });

interface Evaluated {
  evaluation: { status: string; splits?: Record<string, unknown>; failure?: { code: string } };
}
const ended = (team: Team, id: string, step: number) =>
  until(`an end of the evaluation of step ${step}`, async () => {
    const { body } = await team.call<Evaluated>("GET", `/models/${id}/checkpoints/${step}`);
    return body.evaluation.status !== "queued" && body.evaluation;
  });

test("a loop is refused until an admin's policy allows it, then evaluated as any other model", async () => {
  const team = await newTeam(stack);
  const { id } = await newTableModel(team);
  const refusal = { status: 422, code: "invalid_checkpoint", says: "policy.controlFlowDepth" } as const;
  expectRefusal(await put(team, id, 1, looped("before", 3)), refusal);

  const allow = { controlFlowDepth: 1 };
  const pushKey = await team.keyWith("push");
  expectRefusal(await team.call("PATCH", `/models/${id}`, { body: { policy: allow }, key: pushKey }), {
    status: 403,
    code: "forbidden",
    says: "admin",
  });
  expect(await team.call("PATCH", `/models/${id}`, { body: { policy: allow } })).toMatchObject({
    status: 200,
    body: { policy: allow },
  });
  expect((await put(team, id, 1, looped("after", 3))).status).toBe(202);
  const all = { correct: ROWS, total: ROWS };
  expect(await ended(team, id, 1)).toMatchObject({ status: "done", splits: { train: all, "ood:shift": all } });

  await team.call("PATCH", `/models/${id}`, { body: { policy: {} } });
  expectRefusal(await put(team, id, 2, looped("once more", 4)), refusal);
});

test("a loop that was allowed and does not end fails its own evaluation by its time, and nothing else", async () => {
  const team = await newTeam(stack);
  const { id } = await newTableModel(team);
  await team.call("PATCH", `/models/${id}`, { body: { policy: { controlFlowDepth: 1 } } });
  const [start, after] = SCRIPTS.memorizer;
  if (!start || !after) throw new Error("the script is empty");
  await pushAll(team, id, [start]);
  expect((await put(team, id, 5, endless("endless"))).status).toBe(202);
  await pushAll(team, id, [after]);
  expect(await ended(team, id, 5)).toMatchObject({ status: "failed", failure: { code: "evaluator_died" } });
  expect(await settledVerdict(team, id)).toMatchObject({ asOfStep: 10, checkpoints: 2 });
});

test("a depth beyond what the policy may allow is refused with the limit", async () => {
  const team = await newTeam(stack);
  const { id } = await newTableModel(team);
  expectRefusal(await team.call("PATCH", `/models/${id}`, { body: { policy: { controlFlowDepth: 9 } } }), {
    status: 400,
    code: "invalid_request",
    says: "controlFlowDepth",
  });
});

import { beforeAll, describe, expect, test } from "vitest";
import type { Scope } from "../../src/database/schema.ts";
import { apiDocument, type Operation, operationsOf } from "./operations.ts";
import { expectRefusal } from "./refused.ts";
import { newTeam, type Request, shared, type Team } from "./service.ts";
import { tableModel, tableSuite } from "./table-model.ts";
import { newTableModel } from "./trajectories.ts";

interface Rule {
  scope: Scope;
  body?: () => Request["body"];
  /** What another team gets at this team's addresses: 404 unless it only ever sees and makes things of its own. */
  other?: number;
}

const model = { model: "", suite: "", version: "", webhook: "", delivery: "", upload: "" };
const checkpoint = () => tableModel("m", { train: 1, validation: 1, "ood:shift": 1 });

/** What each operation asks for. An operation that is not here fails the first test. */
const RULES: Record<string, Rule> = {
  putSuite: { scope: "push", body: tableSuite, other: 201 },
  getSuite: { scope: "read" },
  listSuites: { scope: "read", other: 200 },
  listSuiteVersions: { scope: "read" },
  getSuiteVersion: { scope: "read" },
  createSuiteUpload: {
    scope: "push",
    body: () => ({ bytes: 1, digest: `sha256:${"0".repeat(64)}` }),
    other: 201,
  },
  createModel: { scope: "push", body: () => ({ name: "fresh", suite: model.suite }), other: 422 },
  getModel: { scope: "read" },
  listModels: { scope: "read", other: 200 },
  putCheckpoint: { scope: "push", body: checkpoint },
  updateModel: { scope: "push", body: () => ({ tags: ["mine"] }) },
  createUpload: { scope: "push", body: () => ({ bytes: 1, digest: `sha256:${"0".repeat(64)}` }) },
  getUpload: { scope: "push" },
  completeUpload: { scope: "push" },
  deleteUpload: { scope: "push" },
  getCheckpoint: { scope: "read" },
  listTensors: { scope: "read" },
  getEvaluation: { scope: "read" },
  importHistory: { scope: "push", body: () => "step,train_accuracy\n" },
  reportEvaluation: { scope: "push", body: () => ({ splits: {} }) },
  compareCheckpoints: { scope: "read" },
  getEnsemble: { scope: "read" },
  listCheckpoints: { scope: "read" },
  getArtifact: { scope: "read" },
  deleteCheckpoint: { scope: "push" },
  deleteCheckpoints: { scope: "push" },
  deleteModel: { scope: "admin" },
  getTrajectory: { scope: "read" },
  getVerdict: { scope: "read" },
  listTransitions: { scope: "read" },
  createWebhook: { scope: "admin", body: () => ({ url: "https://example.com/hook" }), other: 201 },
  listWebhooks: { scope: "admin", other: 200 },
  getWebhook: { scope: "admin" },
  updateWebhook: { scope: "admin", body: () => ({ events: ["verdict.changed"] }) },
  rotateWebhookSecret: { scope: "admin" },
  deleteWebhook: { scope: "admin" },
  testWebhook: { scope: "admin" },
  listDeliveries: { scope: "admin" },
  getDelivery: { scope: "admin" },
  redeliver: { scope: "admin" },
  getMetrics: { scope: "read", other: 200 },
  listDeadLetters: { scope: "admin", other: 200 },
  redeliverRange: { scope: "admin", body: () => ({ from: "2026-01-01T00:00:00Z" }) },
};

let team: Team;
let operations: Operation[];

beforeAll(async () => {
  team = await newTeam();
  const { id, suite } = await newTableModel(team);
  // Under one name, so that an address names both.
  await team.call("PATCH", `/models/${id}`, { body: { ensemble: suite } });
  const pushed = await team.call("PUT", `/models/${id}/checkpoints/1`, { body: checkpoint() });
  expect(pushed.status).toBe(202);
  const webhook = await team.call<{ id: string }>("POST", "/webhooks", { body: { url: "https://example.com/hook" } });
  const ping = await team.call<{ deliveryId: string }>("POST", `/webhooks/${webhook.body.id}/test`);
  const upload = await team.call<{ id: string }>("POST", `/models/${id}/checkpoints/2/uploads`, {
    body: { bytes: 1, digest: `sha256:${"0".repeat(64)}` },
  });
  const { version } = (await team.call<{ version: string }>("GET", `/suites/${suite}`)).body;
  Object.assign(model, { model: id, suite, version, webhook: webhook.body.id, upload: upload.body.id });
  model.delivery = ping.body.deliveryId;
  operations = operationsOf(await apiDocument(shared())).filter(({ security }) => security?.length !== 0);
});

const addressOf = ({ path }: Operation): string =>
  path
    .replace(/^\/webhooks\/\{id\}/, `/webhooks/${model.webhook}`)
    .replace(/^\/deliveries\/\{id\}/, `/deliveries/${model.delivery}`)
    .replace(/^\/uploads\/\{id\}/, `/uploads/${model.upload}`)
    .replace("{id}", model.model)
    .replace("{name}", model.suite)
    .replace("{version}", model.version)
    .replace("{step}", "1")
    .replace(/\/compare$/, "/compare?step=1&with=1")
    .replace(/^(\/models\/[^/]+\/checkpoints)$/, "$1?from=1");

/** The same request of the team's things, with whatever key. */
function send(operation: Operation, key: string | null) {
  const body = RULES[operation.operationId]?.body?.();
  return team.call(operation.method, addressOf(operation), { key, ...(body === undefined ? {} : { body }) });
}

const operationOf = (operationId: string): Operation => {
  const found = operations.find((operation) => operation.operationId === operationId);
  if (!found) throw new Error(`the API has no operation ${operationId}`);
  return found;
};

test("every operation that needs a key is under test here", () => {
  expect(operations.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(RULES).sort());
});

describe.each(Object.entries(RULES))("%s", (operationId, { scope, other = 404 }) => {
  test("without a key or with a wrong one answers 401", async () => {
    const refusal = { status: 401, code: "unauthorized" } as const;
    const wrong = `cp_${"A".repeat(43)}`;
    for (const key of [null, wrong, "nonsense", `${team.key}x`]) {
      const answer = await send(operationOf(operationId), key);
      expectRefusal(answer, refusal);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      if (key) expect(answer.text).not.toContain(key);
    }
  });

  test(`with another team's key answers ${other} and shows nothing of this team`, async () => {
    const stranger = await newTeam();
    const answer = await send(operationOf(operationId), stranger.key);
    expect(answer.status).toBe(other);
    if (other === 200)
      expect(
        Object.values(answer.body ?? {})
          .flat()
          .filter(Boolean),
      ).toEqual([]);
    expect(answer.text).not.toContain(team.id);
    expect(answer.text).not.toContain(stranger.key);
  });

  if (scope === "read") return;
  test(`with a key that lacks the scope ${scope} answers 403`, async () => {
    for (const lesser of scope === "push" ? (["read"] as const) : (["read", "push"] as const)) {
      const answer = await send(operationOf(operationId), await team.keyWith(lesser));
      expectRefusal(answer, { status: 403, code: "forbidden", says: scope });
    }
  });
});

test("a policy is the admin's: a key that only pushes is told to leave it out", async () => {
  const key = await team.keyWith("push");
  const body = { name: "mine", suite: model.suite, policy: { ceiling: 0.5 } };
  expectRefusal(await team.call("POST", "/models", { key, body }), { status: 403, code: "forbidden", says: "admin" });
});

test("nothing of what strangers tried has come to be", async () => {
  const { body } = await team.call<{ models: { name: string }[] }>("GET", "/models");
  expect(body.models).toHaveLength(1);
  const webhooks = await team.call<{ webhooks: unknown[] }>("GET", "/webhooks");
  expect(webhooks.body.webhooks).toHaveLength(1);
});

test("a key in the address is no key", async () => {
  const answer = await team.call("GET", `/models?key=${team.key}&access_token=${team.key}`, { key: null });
  expectRefusal(answer, { status: 401, code: "unauthorized" });
  expect(answer.text).not.toContain(team.key);
});

test("health and the description need no key and tell nothing of any team", async () => {
  for (const path of ["/healthz", "/openapi.json"]) {
    const answer = await team.call("GET", path, { key: null });
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain(team.id);
  }
});

import { eq } from "drizzle-orm";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deliveries, webhooks } from "../../src/database/schema.ts";
import { newId } from "../../src/ids.ts";
import { unknownOperator } from "./hostile-models.ts";
import type { Received } from "./listener.ts";
import { type Receiver, startReceiver } from "./receiver.ts";
import { newTeam, type Team, until } from "./service.ts";
import { newTableModel, pushAll, SCRIPTS, settledVerdict } from "./trajectories.ts";

interface Created {
  id: string;
  url: string;
  secret: string;
  events: string[];
}
interface Event {
  type: string;
  timestamp: string;
  data: Record<string, unknown>;
}
interface Delivery {
  id: string;
  eventId: string;
  eventType: string;
  status: string;
  attempts: number;
  lastStatus: number | null;
}

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.close());

/** Each test listens on a path of its own. */
let paths = 0;
async function subscribe(team: Team, events?: string[]): Promise<{ webhook: Created; received: () => Received[] }> {
  const path = `/${++paths}`;
  const url = new URL(path, receiver.url).href;
  const { status, body } = await team.call<Created>("POST", "/webhooks", { body: { url, ...(events && { events }) } });
  expect({ status, body }).toMatchObject({ status: 201, body: { url, secret: expect.stringMatching(/^whsec_/) } });
  return { webhook: body, received: () => receiver.received.filter((one) => one.path === path) };
}

/** @throws where the official library would refuse it */
const verified = (secret: string, { body, headers }: Received) => new Webhook(secret).verify(body, headers) as Event;

const deliveriesOf = async (team: Team, webhook: Created) =>
  (await team.call<{ deliveries: Delivery[] }>("GET", `/webhooks/${webhook.id}/deliveries?limit=200`)).body.deliveries;

const allDelivered = (team: Team, webhook: Created) =>
  until("all deliveries made", async () => {
    const all = await deliveriesOf(team, webhook);
    return all.length > 0 && all.every(({ status }) => status === "delivered") && all;
  });

test("a run that groks is told of in signed events, each once for every subscriber", async () => {
  const team = await newTeam();
  const [all, verdictsAlone] = [await subscribe(team), await subscribe(team, ["verdict.changed"])];
  const { id, name, suite } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.grokked, 1);
  const verdict = await settledVerdict(team, id);
  await allDelivered(team, all.webhook);
  await allDelivered(team, verdictsAlone.webhook);

  const events = all.received().map((one) => verified(all.webhook.secret, one));
  expect(all.received().every(({ headers }) => headers["content-type"] === "application/json")).toBe(true);
  for (const { data } of events) expect(data).toMatchObject({ modelId: id, model: name, suite: { name: suite } });
  const detected = events.filter(({ type }) => type === "transition.detected").map(({ data }) => data["transition"]);
  expect(detected).toContainEqual(expect.objectContaining({ split: "ood:shift", kind: "generalization" }));
  const told = detected.map((transition) => Object(transition).id).sort();
  expect(told).toEqual(verdict.transitions.map((transition) => transition.id).sort());
  const changes = events.filter(({ type }) => type === "verdict.changed").map(({ data }) => data);
  expect(changes).toContainEqual(expect.objectContaining({ verdict: "generalizer", asOfStep: expect.any(Number) }));
  expect(events.some(({ type }) => type === "transition.revised")).toBe(false);

  const ofOther = verdictsAlone.received().map((one) => verified(verdictsAlone.webhook.secret, one));
  expect(new Set(ofOther.map(({ type }) => type))).toEqual(new Set(["verdict.changed"]));
  expect(ofOther).toHaveLength(changes.length);
  expect(() => verified(verdictsAlone.webhook.secret, all.received()[0] as Received)).toThrow();

  const rows = await team.db.select().from(deliveries).where(eq(deliveries.webhookId, all.webhook.id));
  expect(new Set(rows.map(({ eventId }) => eventId)).size).toBe(rows.length);
  expect(rows.map(({ eventId }) => eventId).sort()).toEqual(
    all
      .received()
      .map(({ headers }) => headers["webhook-id"])
      .sort(),
  );
});

test("a delivery that fails comes again under the same id, signed anew", async () => {
  const team = await newTeam();
  const { webhook, received } = await subscribe(team);
  receiver.answers.set(new URL(webhook.url).pathname, [500]);
  const ping = await team.call<{ deliveryId: string }>("POST", `/webhooks/${webhook.id}/test`);
  expect(ping.status).toBe(202);
  await until("the first attempt", async () => received().length === 1);
  const failed = await until("the failure on record", async () =>
    (await deliveriesOf(team, webhook)).find(({ lastStatus }) => lastStatus === 500),
  );
  expect(failed).toMatchObject({ id: ping.body.deliveryId, eventType: "ping", status: "pending", attempts: 1 });
  await allDelivered(team, webhook);

  const [first, second] = received();
  if (!first || !second) throw new Error("it did not come again");
  expect(received()).toHaveLength(2);
  expect(second.headers["webhook-id"]).toBe(first.headers["webhook-id"]);
  expect(second.body).toBe(first.body);
  for (const one of received())
    expect(verified(webhook.secret, one)).toMatchObject({ type: "ping", data: { webhookId: webhook.id } });
  expect(await deliveriesOf(team, webhook)).toMatchObject([{ status: "delivered", attempts: 2, lastStatus: 204 }]);
});

test("an evaluation that fails is told of once, and of that model alone where a filter says so", async () => {
  const team = await newTeam();
  const [model, other] = [await newTableModel(team), await newTableModel(team)];
  const filtered = async (filters: object) => {
    const path = `/${++paths}`;
    const body = { url: new URL(path, receiver.url).href, events: ["evaluation.failed"], ...filters };
    const created = await team.call<Created>("POST", "/webhooks", { body });
    expect(created.status).toBe(201);
    return { webhook: created.body, received: () => receiver.received.filter((one) => one.path === path) };
  };
  const byName = await filtered({ models: [model.name] });
  const ofOther = await filtered({ models: [other.id] });
  const byTag = await filtered({ tags: ["hostile"] });
  const slack = await filtered({ format: "slack" });
  expect(byName.webhook).toMatchObject({ models: [model.id] });
  await team.call("PATCH", `/models/${model.id}`, { body: { tags: ["hostile"] } });
  const body = unknownOperator("hostile");
  expect((await team.call("PUT", `/models/${model.id}/checkpoints/1`, { body })).status).toBe(202);
  for (const { webhook } of [byName, byTag, slack]) await allDelivered(team, webhook);

  for (const { webhook, received } of [byName, byTag]) {
    const events = received().map((one) => verified(webhook.secret, one));
    expect(events).toMatchObject([
      { type: "evaluation.failed", data: { modelId: model.id, model: model.name, step: 1, code: "model_refused" } },
    ]);
  }
  expect(slack.received().map((one) => JSON.parse(one.body))).toEqual([
    { text: expect.stringContaining(`*${model.name}* on ${model.suite}: step 1 was not evaluated (model_refused)`) },
  ]);
  expect(() =>
    new Webhook(slack.webhook.secret).verify(slack.received()[0]?.body ?? "", slack.received()[0]?.headers ?? {}),
  ).not.toThrow();
  expect(await deliveriesOf(team, ofOther.webhook)).toEqual([]);
});

test("a webhook is changed in part, and what cannot be is refused", async () => {
  const team = await newTeam();
  const { webhook } = await subscribe(team);
  const path = `/webhooks/${webhook.id}`;
  const changed = await team.call("PATCH", path, { body: { events: ["verdict.changed"], tags: ["nightly"] } });
  expect(changed).toMatchObject({
    status: 200,
    body: { url: webhook.url, events: ["verdict.changed"], tags: ["nightly"], models: [], enabled: true },
  });
  expect(changed.text).not.toContain("whsec_");
  for (const [body, status, code] of [
    [{ url: "https://10.0.0.1/" }, 422, "invalid_webhook"],
    [{ url: "https://nowhere.invalid.example.com/" }, 422, "invalid_webhook"],
    [{ models: ["mdl_nobody"] }, 404, "model_not_found"],
    [{ events: ["ping"] }, 400, "invalid_request"],
    [{ secret: "whsec_mine" }, 400, "invalid_request"],
  ] as const) {
    expect(await team.call("PATCH", path, { body })).toMatchObject({ status, body: { code } });
  }
  expect((await team.call("GET", path)).body).toMatchObject({ url: webhook.url, events: ["verdict.changed"] });
});

test("a receiver that is gone for good is not asked again", async () => {
  const team = await newTeam();
  const { webhook, received } = await subscribe(team);
  receiver.answers.set(new URL(webhook.url).pathname, [410]);
  await team.call("POST", `/webhooks/${webhook.id}/test`);
  await until("the end of it", async () => (await deliveriesOf(team, webhook))[0]?.status === "exhausted");
  expect(received()).toHaveLength(1);
  expect(await team.call("GET", `/webhooks/${webhook.id}`)).toMatchObject({ body: { enabled: false } });
});

test("a team has a hundred webhooks and no more, also where the last places are asked for at once", async () => {
  const team = await newTeam();
  const { webhook } = await subscribe(team);
  const [row] = await team.db.select().from(webhooks).where(eq(webhooks.id, webhook.id));
  if (!row) throw new Error("it was not kept");
  await team.db.insert(webhooks).values(Array.from({ length: 97 }, () => ({ ...row, id: newId("webhook") })));
  const asked = Array.from({ length: 5 }, () => team.call("POST", "/webhooks", { body: { url: webhook.url } }));
  const answers = await Promise.all(asked);
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409, 409]);
  const refused = answers.find(({ status }) => status === 409);
  expect(refused?.body).toMatchObject({ code: "too_many_webhooks", detail: expect.stringContaining("100") });
  expect((await team.call("DELETE", `/webhooks/${webhook.id}`)).status).toBe(204);
  expect((await team.call("POST", "/webhooks", { body: { url: webhook.url } })).status).toBe(201);
});

test("a redirect is a failure and is not followed", async () => {
  const team = await newTeam();
  const { webhook, received } = await subscribe(team);
  receiver.answers.set(new URL(webhook.url).pathname, [302]);
  await team.call("POST", `/webhooks/${webhook.id}/test`);
  await until("the failure", async () => (await deliveriesOf(team, webhook))[0]?.lastStatus === 302);
  expect(received()).toHaveLength(1);
});

test("the secret is shown once, and a deleted webhook takes its deliveries along", async () => {
  const team = await newTeam();
  const { webhook } = await subscribe(team);
  // Standard Webhooks asks for 24 to 64 random bytes.
  const bytes = [webhook, (await subscribe(team)).webhook].map(({ secret }) => Buffer.from(secret.slice(6), "base64"));
  for (const { length } of bytes) expect([24 <= length, length <= 64]).toEqual([true, true]);
  expect(bytes[0]).not.toEqual(bytes[1]);
  await team.call("POST", `/webhooks/${webhook.id}/test`);
  await allDelivered(team, webhook);
  for (const path of ["/webhooks", `/webhooks/${webhook.id}`, `/webhooks/${webhook.id}/deliveries`]) {
    const answer = await team.call("GET", path);
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain("whsec_");
  }
  expect((await team.call("DELETE", `/webhooks/${webhook.id}`)).status).toBe(204);
  expect((await team.call("GET", `/webhooks/${webhook.id}`)).status).toBe(404);
  expect(await team.db.select().from(deliveries).where(eq(deliveries.webhookId, webhook.id))).toEqual([]);
});

test.each([
  "http://example.com/hook",
  "https://user:password@example.com/hook",
  "http://user:password@127.0.0.1:9/hook",
  "https://10.0.0.1/hook",
  "https://192.168.1.1/hook",
  "https://169.254.169.254/latest/meta-data",
  "https://[fd00::1]/hook",
  "https://[::ffff:10.0.0.1]/hook",
  "https://0x0a000001/hook",
  "https://database.internal/hook",
  "https://intranet/hook",
  "https://intranet./hook",
  "https://metadata.google.internal./hook",
  "ftp://127.0.0.1/hook",
  "file:///etc/passwd",
  "javascript:alert(1)",
  "no address",
])("%s is refused as a webhook's address", async (url) => {
  const team = await newTeam();
  const answer = await team.call("POST", "/webhooks", { body: { url } });
  expect(answer).toMatchObject({
    status: 422,
    body: { code: "invalid_webhook", detail: expect.stringMatching(/\.$/) },
  });
  expect(answer.text).not.toContain("password");
  expect(await team.db.select().from(webhooks).where(eq(webhooks.teamId, team.id))).toEqual([]);
});

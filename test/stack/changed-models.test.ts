import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { paddedModel } from "./padded-model.ts";
import { expectRefusal } from "./refused.ts";
import { newTeam, type Team } from "./service.ts";
import { newTableModel, pushAll, SCRIPTS, settledVerdict, verdictOf, withoutIds } from "./trajectories.ts";

const patch = (team: Team, id: string, body: object, key = team.key) =>
  team.call("PATCH", `/models/${id}`, { body, key });

test("tags and ensemble change, one without the other", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  expect(await patch(team, id, { tags: ["a", "b"], ensemble: "seeds" })).toMatchObject({
    status: 200,
    body: { id, tags: ["a", "b"], ensemble: "seeds" },
  });
  expect(await patch(team, id, { ensemble: null })).toMatchObject({ body: { tags: ["a", "b"], ensemble: null } });
  expect(await patch(team, id, {})).toMatchObject({ status: 200, body: { tags: ["a", "b"] } });
  expectRefusal(await patch(team, id, { name: "other" }), { status: 400, code: "invalid_request", says: "name" });
});

test("only an admin changes a policy or what is kept", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  const key = await team.keyWith("push");
  for (const change of [{ policy: { ceiling: 0.5 } }, { keepEvery: 10 }, { keepEvery: null }]) {
    expectRefusal(await patch(team, id, change, key), { status: 403, code: "forbidden", says: "admin" });
  }
  expect((await patch(team, id, { tags: ["t"] }, key)).status).toBe(200);
  expectRefusal(await patch(team, id, { policy: { floor: 0.9, ceiling: 0.2 } }), {
    status: 400,
    code: "invalid_request",
  });
  expect(await patch(team, id, { keepEvery: 10 })).toMatchObject({ status: 200, body: { keepEvery: 10, policy: {} } });
});

test("another policy judges all points anew, at once, and the former one as before", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.partial);
  const before = await settledVerdict(team, id);
  expect(before.verdict).toBe("partial_generalizer");
  await patch(team, id, { policy: { ceiling: 0.3 } });
  const changed = await verdictOf(team, id);
  expect(changed).toMatchObject({ verdict: "generalizer", deployable: true, checkpoints: before.checkpoints });
  await patch(team, id, { policy: {} });
  expect(withoutIds(await verdictOf(team, id))).toEqual(withoutIds(before));
});

test.each([
  { size: "small", bytes: 20_000 },
  { size: "large", bytes: 11_000_000 },
])("a $size checkpoint's bytes come back as they went, whole and in ranges", async ({ bytes }) => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  const body = paddedModel("there and back", bytes);
  expect((await team.call("PUT", `/models/${id}/checkpoints/3`, { body })).status).toBe(202);
  const get = async (headers: Record<string, string> = {}) => {
    const url = `${team.service.url}/models/${id}/checkpoints/3/artifact`;
    const response = await fetch(url, { headers: { authorization: `Bearer ${team.key}`, ...headers } });
    return { response, bytes: Buffer.from(await response.arrayBuffer()) };
  };
  const whole = await get();
  expect(whole.response.status).toBe(200);
  expect(whole.response.headers.get("content-length")).toBe(`${body.byteLength}`);
  const digest = createHash("sha256").update(body).digest("base64");
  expect(whole.response.headers.get("repr-digest")).toBe(`sha-256=:${digest}:`);
  expect(whole.bytes.equals(body)).toBe(true);
  const { length } = body;
  const ranges: [string, number, number][] = [
    ["bytes=0-99", 0, 100],
    ["bytes=5000-", 5000, length],
    [`bytes=${length - 10}-${length + 10}`, length - 10, length],
  ];
  for (const [range, from, to] of ranges) {
    const part = await get({ range });
    expect(part.response.status, range).toBe(206);
    expect(part.response.headers.get("content-range")).toBe(`bytes ${from}-${to - 1}/${length}`);
    expect(part.bytes.equals(body.subarray(from, to)), range).toBe(true);
  }
  for (const range of ["bytes=-5", "lines=1-2", `bytes=${length}-`]) {
    expect((await get({ range })).response.status, range).toBe(200);
  }
});

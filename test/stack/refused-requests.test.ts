import { beforeAll, expect, test } from "vitest";
import { chunked, sendRaw } from "./bodies.ts";
import { expectRefusal, type Refusal } from "./refused.ts";
import { newTeam, type Request, type Team } from "./service.ts";
import { newTableModel, pushAll, SCRIPTS, settledVerdict } from "./trajectories.ts";

let team: Team;
let suite: string;
let model: string;
beforeAll(async () => {
  team = await newTeam();
  ({ suite, name: model } = await newTableModel(team));
});

const json = { "content-type": "application/json" };
const named = (body: object) => ({ name: "fresh", suite: "SUITE", ...body });

interface Case extends Refusal, Request {
  name: string;
  request: string;
}
const cases: Case[] = [
  {
    name: "JSON that does not parse",
    request: "POST /models",
    body: "{oops",
    headers: json,
    status: 400,
    code: "invalid_request",
  },
  {
    name: "JSON that is no object",
    request: "POST /models",
    body: "[]",
    headers: json,
    status: 400,
    code: "invalid_request",
  },
  { name: "no body", request: "POST /models", headers: json, status: 400, code: "invalid_request" },
  {
    name: "a body of another type",
    request: "POST /models",
    body: "name=x",
    headers: { "content-type": "text/plain" },
    status: 400,
    code: "invalid_request",
  },
  {
    name: "no name",
    request: "POST /models",
    body: { suite: "SUITE" },
    status: 400,
    code: "invalid_request",
    says: "name: is missing",
  },
  {
    name: "a name with a slash",
    request: "POST /models",
    body: named({ name: "a/b" }),
    status: 400,
    code: "invalid_request",
    says: "name",
  },
  {
    name: "a field that nobody knows",
    request: "POST /models",
    body: named({ sweet: "add47" }),
    status: 400,
    code: "invalid_request",
    says: "sweet",
  },
  {
    name: "a NUL in a tag",
    request: "POST /models",
    body: named({ tags: ["a\0b"] }),
    status: 400,
    code: "invalid_request",
    says: "tags",
  },
  {
    name: "a policy out of range",
    request: "POST /models",
    body: named({ policy: { ceiling: 2 } }),
    status: 400,
    code: "invalid_request",
    says: "ceiling",
  },
  {
    name: "a policy that defines nothing",
    request: "POST /models",
    body: named({ policy: { ceiling: 0.1, floor: 0.5 } }),
    status: 400,
    code: "invalid_request",
    says: "floor",
  },
  {
    name: "an unknown suite",
    request: "POST /models",
    body: named({ suite: "nothing" }),
    status: 422,
    code: "suite_unknown",
    says: "PUT /suites/nothing",
  },
  {
    name: "a name that looks like an id",
    request: "POST /models",
    body: named({ name: `mdl_${"0".repeat(26)}` }),
    status: 400,
    code: "invalid_request",
    says: "name",
  },
  { name: "a page of nothing", request: "GET /models?limit=0", status: 400, code: "invalid_request", says: "limit" },
  { name: "a cursor with a NUL", request: "GET /models?cursor=%00", status: 400, code: "invalid_request" },
  { name: "an unknown model", request: "GET /models/nobody", status: 404, code: "model_not_found" },
  { name: "an unknown suite's page", request: "GET /suites/nothing", status: 404, code: "suite_not_found" },
  {
    name: "a step that is not there",
    request: "GET /models/MODEL/checkpoints/3",
    status: 404,
    code: "checkpoint_not_found",
  },
  {
    name: "a cursor that is no step",
    request: "GET /models/MODEL/trajectory?cursor=x",
    status: 400,
    code: "invalid_request",
  },
  { name: "no webhook's URL", request: "POST /webhooks", body: {}, status: 400, code: "invalid_request", says: "url" },
  {
    name: "an event that nobody sends",
    request: "POST /webhooks",
    body: { url: "https://example.com", events: ["ping"] },
    status: 400,
    code: "invalid_request",
    says: "events",
  },
  {
    name: "no events",
    request: "POST /webhooks",
    body: { url: "https://example.com", events: [] },
    status: 400,
    code: "invalid_request",
    says: "events",
  },
  { name: "an unknown webhook", request: "GET /webhooks/whk_0", status: 404, code: "webhook_not_found" },
  { name: "a path that is not there", request: "GET /nothing", status: 404, code: "not_found", says: "GET /nothing" },
  { name: "a method that is not there", request: "PUT /models", status: 404, code: "not_found", says: "PUT /models" },
];

test.each(cases)("$request with $name answers $status $code", async ({ request, body, headers, ...refusal }) => {
  const [method = "", path = ""] = request.replace("MODEL", model).split(" ");
  const filled = typeof body === "object" ? JSON.parse(JSON.stringify(body).replace("SUITE", suite)) : body;
  const answer = await team.call(method, path, {
    ...(filled === undefined ? {} : { body: filled }),
    ...(headers ? { headers } : {}),
  });
  expectRefusal(answer, refusal);
});

test.each(["/models", "/webhooks"])("POST %s takes 64 KB of JSON, declared or not", async (path) => {
  const long = Buffer.from(JSON.stringify({ name: "x".repeat(70_000) }));
  const refusal = { status: 413, code: "body_too_large", says: "65536" } as const;
  expectRefusal(await team.call("POST", path, { body: Uint8Array.from(long), headers: json }), refusal);
  const headers = { ...json, "transfer-encoding": "chunked" };
  const undeclared = await sendRaw(team, { method: "POST", path, headers, body: chunked(long) });
  if (!undeclared) throw new Error("no answer");
  expectRefusal(undeclared, refusal);
  // Within the limit it is parsed, and refused for what it says.
  const short = await sendRaw(team, { method: "POST", path, headers, body: chunked(Buffer.from("{}")) });
  if (!short) throw new Error("no answer");
  expectRefusal(short, { status: 400, code: "invalid_request" });
});

test("a list is read page by page, each row once", async () => {
  const other = await newTeam();
  const { suite } = await newTableModel(other);
  for (const n of [1, 2, 3, 4]) await other.client.createModel({ name: `m${n}`, suite });
  const seen: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const path: string = `/models?limit=2${cursor && `&cursor=${cursor}`}`;
    const { body } = await other.call<{ models: { name: string }[]; next: string | null }>("GET", path);
    seen.push(...body.models.map(({ name }) => name));
    cursor = body.next;
  }
  expect(seen).toHaveLength(5);
  expect(seen.slice(0, 4)).toEqual(["m4", "m3", "m2", "m1"]);
});

test("after all of it the service still serves", async () => {
  const [first] = SCRIPTS.memorizer;
  if (!first) throw new Error("the script is empty");
  await pushAll(team, model, [first]);
  expect(await settledVerdict(team, model)).toMatchObject({ checkpoints: 1 });
});

import { once } from "node:events";
import { createServer } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Resolve, remembering, resolveFromTable, resolveOverHttps } from "../../src/services/webhook/resolve.ts";

const CNAME = 5;
const RECORDS: Record<string, { Status: number; Answer?: { type: number; data: string }[] }> = {
  "ci.example.com A": {
    Status: 0,
    Answer: [
      { type: CNAME, data: "edge.example.net." },
      { type: 1, data: "93.184.215.14" },
    ],
  },
  "ci.example.com AAAA": { Status: 0, Answer: [{ type: 28, data: "2606:2800::1" }] },
  "gone.example.com A": { Status: 3 },
  "gone.example.com AAAA": { Status: 3 },
  "half.example.com A": { Status: 0, Answer: [{ type: 1, data: "93.184.215.14" }] },
  "half.example.com AAAA": { Status: 2 },
};

/** A resolver that speaks DNS over HTTPS in JSON; without TLS, for it is this machine's. */
const server = createServer((request, response) => {
  const { searchParams } = new URL(request.url ?? "/", "http://localhost");
  const type = searchParams.get("type") === "28" ? "AAAA" : "A";
  const record = RECORDS[`${searchParams.get("name")} ${type}`];
  const asked = request.headers.accept === "application/dns-json" && record;
  response.writeHead(asked ? 200 : 500, { "content-type": "application/dns-json" }).end(JSON.stringify(record ?? {}));
});
let resolve: Resolve;
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  resolve = resolveOverHttps(`http://127.0.0.1:${Object(server.address()).port}/dns-query`);
});
afterAll(() => void server.close());

test("a name leads to its addresses of both kinds, through aliases", async () => {
  expect(await resolve("ci.example.com")).toEqual(["93.184.215.14", "2606:2800::1"]);
});

test("that there is no such name is an answer", async () => {
  expect(await resolve("gone.example.com")).toEqual([]);
});

test("half an answer is none: the other half might be private", async () => {
  await expect(resolve("half.example.com")).rejects.toThrow("DNS status 2");
});

test("a resolver that fails is no answer", async () => {
  await expect(resolve("unknown.example.com")).rejects.toThrow("500");
});

test("a table is asked first, and knows only its own names", async () => {
  const withTable = resolveFromTable({ "ci.example.com": ["192.0.2.1"] }, resolve);
  expect(await withTable("ci.example.com")).toEqual(["192.0.2.1"]);
  expect(await withTable("gone.example.com")).toEqual([]);
  await expect(withTable("constructor")).rejects.toThrow();
});

test("an answer holds for a second, and a failure for nobody else", async () => {
  const asked: string[] = [];
  const answers = [Promise.reject(new Error("nobody answers")), ["192.0.2.1"], ["192.0.2.2"], ["192.0.2.3"]];
  let time = 0;
  const remembered = remembering(
    async (host) => {
      asked.push(host);
      return (await answers[asked.length - 1]) ?? [];
    },
    1_000,
    () => new Date(time),
  );
  await expect(remembered("ci.example.com")).rejects.toThrow("nobody answers");
  expect(await Promise.all([remembered("ci.example.com"), remembered("ci.example.com")])).toEqual([
    ["192.0.2.1"],
    ["192.0.2.1"],
  ]);
  expect(await remembered("other.example.com")).toEqual(["192.0.2.2"]);
  time = 1_000;
  expect(await remembered("ci.example.com")).toEqual(["192.0.2.3"]);
  expect(asked).toEqual(["ci.example.com", "ci.example.com", "other.example.com", "ci.example.com"]);
});

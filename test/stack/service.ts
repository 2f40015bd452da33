import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, inject } from "vitest";
import type { Stack } from "../../local/stack.ts";
import { connect, type Database } from "../../src/database/client.ts";
import type { Scope } from "../../src/database/schema.ts";
import { createKey } from "../../src/services/key/create.ts";
import { createTeam } from "../../src/services/team/create.ts";
import { Client } from "../../trainer/src/client/client.ts";

/** A stack as its clients and its operator see it. */
export type Service = Pick<Stack, "url" | "connection">;

/** The stack that the files of this folder share. */
export const shared = (): Service => inject("service");

export interface Answer<Body> {
  status: number;
  headers: Headers;
  text: string;
  /** Parsed where it is JSON of any kind; the caller says what it takes it for. */
  body: Body;
}

export interface Request {
  body?: Uint8Array<ArrayBuffer> | string | object;
  headers?: Record<string, string>;
  /** Another key than the team's first; null for none. */
  key?: string | null;
}

/** A team of a test's own: no rows are shared, so files may run at the same time. */
export interface Team {
  id: string;
  key: string;
  service: Service;
  db: Database;
  client: Client;
  call<Body = Record<string, unknown>>(method: string, path: string, request?: Request): Promise<Answer<Body>>;
  /** A further key with these scopes alone. */
  keyWith(...scopes: Scope[]): Promise<string>;
}

export async function newTeam(service: Service = shared()): Promise<Team> {
  const db = databaseOf(service);
  const { teamId, key } = await createTeam(db, { name: `test ${randomBytes(8).toString("hex")}` });
  return {
    id: teamId,
    key,
    service,
    db,
    client: new Client({ url: service.url, key }),
    call: (method, path, request) => call(service, method, path, { key, ...request }),
    keyWith: async (...scopes) => (await createKey(db, { teamId, name: "test", scopes })).token,
  };
}

/** One client for a test file. */
const opened = new Map<string, ReturnType<typeof connect>>();

function databaseOf({ connection: { databaseUrl: url, databaseWsProxy: wsProxy } }: Service): Database {
  const client = opened.get(url) ?? connect({ url, wsProxy });
  if (!opened.has(url)) {
    opened.set(url, client);
    afterAll(client.close);
  }
  return client.db;
}

export async function call<Body = Record<string, unknown>>(
  service: Service,
  method: string,
  path: string,
  { body, headers = {}, key = null }: Request = {},
): Promise<Answer<Body>> {
  const encoded = body === undefined || typeof body === "string" || body instanceof Uint8Array;
  const response = await fetch(service.url + path, {
    method,
    redirect: "manual",
    headers: {
      accept: "application/json",
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(encoded ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: encoded ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = /json/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, headers: response.headers, text, body: (json ? JSON.parse(text) : null) as Body };
}

/** What a browser sends once somebody has signed in with the team's key. */
export async function signedIn(team: Team): Promise<{ cookie: string }> {
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    origin: team.service.url,
    "sec-fetch-site": "same-origin",
  };
  const answer = await team.call("POST", "/sign-in", { headers, body: `key=${team.key}`, key: null });
  return { cookie: (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "" };
}

/** Asks until there is something: the deadline is for a service that hangs, not a measure of its speed. */
export async function until<Found>(
  what: string,
  ask: () => Promise<Found | null | undefined | false>,
  seconds = 90,
): Promise<Found> {
  for (const deadline = Date.now() + seconds * 1000; ; await pause(150)) {
    const found = await ask();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
  }
}

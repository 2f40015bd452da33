import { beforeAll, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { parseEnv } from "../../src/env.ts";
import { ERROR_CODES } from "../../src/errors.ts";
import { registerPages } from "../../src/pages/register.tsx";
import { createRouter } from "../../src/routes/app-type.ts";
import { type ApiDocument, apiDocument, type Operation, operationsOf } from "./operations.ts";
import { shared } from "./service.ts";

let document: ApiDocument;
let operations: Operation[];
beforeAll(async () => {
  document = await apiDocument(shared());
  operations = operationsOf(document);
});

/** Routes as `GET /models/{id}`; middleware is on every method and is none. */
const routesOf = (app: { routes: { method: string; path: string }[] }): string[] => [
  ...new Set(
    app.routes
      .filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(\{[^}]*\})?/g, "{$1}")}`),
  ),
];

test("every route that is served is described, but for pages and the description itself", () => {
  const queue = { send: async () => {}, sendBatch: async () => {} } as unknown as Queue<never>;
  const app = createApp(
    parseEnv({
      DATABASE_URL: "postgres://x:x@localhost/x",
      S3_ENDPOINT: "http://localhost",
      S3_BUCKET: "x",
      S3_ACCESS_KEY_ID: "x",
      S3_SECRET_ACCESS_KEY: "x",
      EVALUATIONS: queue,
      DELIVERIES: queue,
    }),
  );
  const pages = createRouter();
  registerPages(pages);
  const undescribed = new Set([...routesOf(pages), "GET /openapi.json"]);
  const described = operations.map(({ method, path }) => `${method} ${path}`);
  expect(routesOf(app).filter((route) => !described.includes(route) && !undescribed.has(route))).toEqual([]);
  expect(described.filter((route) => !routesOf(app).includes(route))).toEqual([]);
  expect(described.length).toBeGreaterThan(10);
});

test("it is OpenAPI 3.1, and every reference leads somewhere", () => {
  expect(document.openapi).toMatch(/^3\.1\./);
  expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) });
  const references = JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g);
  for (const [, reference = ""] of references) {
    const keys = reference.replace(/^#\//, "").split("/");
    const found = keys.reduce<unknown>((value, key) => Object(value)[key], document);
    expect(found, reference).toBeTypeOf("object");
  }
});

test("every operation has a name of its own, a summary, its parameters and described answers", () => {
  const names = operations.map(({ operationId }) => operationId);
  expect(new Set(names).size).toBe(names.length);
  for (const { operationId, summary, path, parameters = [], responses } of operations) {
    expect(summary, operationId).toMatch(/\w/);
    const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name);
    const declared = parameters.filter((parameter) => parameter.in === "path");
    expect(declared.map(({ name }) => name).sort(), operationId).toEqual(inPath.sort());
    expect(
      declared.every(({ required }) => required),
      operationId,
    ).toBe(true);
    expect(
      Object.keys(responses).some((status) => /^2/.test(status)),
      operationId,
    ).toBe(true);
    for (const [status, { description, content = {} }] of Object.entries(responses)) {
      expect(description, `${operationId} ${status}`).toMatch(/\w/);
      const types = Object.keys(content);
      if (Number(status) >= 400) expect(types, `${operationId} ${status}`).toEqual(["application/problem+json"]);
    }
  }
});

test("problem documents list every code", () => {
  expect(document.components["schemas"]?.["Problem"]).toMatchObject({ properties: { code: { enum: ERROR_CODES } } });
});

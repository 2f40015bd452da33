import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Client } from "../src/client/client.ts";
import { ApiError, ServiceUnavailable } from "../src/client/errors.ts";
import type { RetrySettings } from "../src/client/retry.ts";
import { waitForVerdict } from "../src/client/wait-for-verdict.ts";
import { answer, startServer } from "./local-server.ts";

const bytes = Uint8Array.of(1, 2, 3);
const clientFor = (url: string, retry: Partial<RetrySettings> = {}) =>
  new Client({ url: `${url}/`, key: "secret", retry: { firstWaitMs: 5, ...retry } });

describe("a push", () => {
  test("carries the key, the length and the digest of the bytes", async () => {
    await using server = await startServer((_, response) => answer(response, 202, {}));
    expect(await clientFor(server.url).pushCheckpoint("mdl_1", 400, bytes)).toEqual({ new: true });
    const [request] = server.received;
    expect(request).toMatchObject({ method: "PUT", path: "/models/mdl_1/checkpoints/400", body: Buffer.from(bytes) });
    expect(request?.headers).toMatchObject({
      authorization: "Bearer secret",
      "content-length": "3",
      "content-type": "application/octet-stream",
      "content-digest": `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`,
    });
  });

  test("of bytes that are there already is no news", async () => {
    await using server = await startServer((_, response) => answer(response, 200, {}));
    expect(await clientFor(server.url).pushCheckpoint("mdl_1", 400, bytes)).toEqual({ new: false });
  });

  test.each([429, 500, 503])("answered with %i is sent again, whole", async (status) => {
    await using server = await startServer((_, response, count) => answer(response, count === 1 ? status : 202, {}));
    expect(await clientFor(server.url).pushCheckpoint("mdl_1", 0, bytes)).toEqual({ new: true });
    expect(server.received.map(({ body }) => [...body])).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  test("whose connection breaks is sent again", async () => {
    await using server = await startServer((_, response, count) => {
      if (count < 3) response.socket?.resetAndDestroy();
      else answer(response, 202, {});
    });
    await clientFor(server.url).pushCheckpoint("mdl_1", 0, bytes);
    expect(server.received).toHaveLength(3);
  });

  test("whose answer hangs is sent again", async () => {
    await using server = await startServer((_, response, count) => {
      if (count > 1) answer(response, 202, {});
    });
    await clientFor(server.url, { attemptMs: 50 }).pushCheckpoint("mdl_1", 0, bytes);
    expect(server.received).toHaveLength(2);
  });

  test("waits as long as Retry-After says", async () => {
    await using server = await startServer((_, response, count) => {
      if (count === 1) answer(response, 503, {}, { "retry-after": "1" });
      else answer(response, 202, {});
    });
    await clientFor(server.url).pushCheckpoint("mdl_1", 0, bytes);
    const [first, second] = server.received.map(({ atMs }) => atMs);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThan(990);
  });

  test("is given up at the deadline, with the last failure as cause", async () => {
    const problem = { code: "storage_unavailable", detail: "The store sleeps." };
    await using server = await startServer((_, response) => answer(response, 503, problem));
    const pushed = clientFor(server.url, { deadlineMs: 100 }).pushCheckpoint("mdl_1", 0, bytes);
    const error = await pushed.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ServiceUnavailable);
    expect(error).toMatchObject({ message: expect.stringMatching(/^gave up after \d tries: The store sleeps\.$/) });
    expect(error).toMatchObject({ cause: expect.objectContaining({ code: "storage_unavailable", status: 503 }) });
  });

  test("does not wait for a Retry-After beyond the deadline", async () => {
    await using server = await startServer((_, response) => answer(response, 429, {}, { "retry-after": "3600" }));
    await expect(clientFor(server.url).pushCheckpoint("mdl_1", 0, bytes)).rejects.toThrow("gave up after 1 try");
  });

  test("that is refused throws the code and the sentence, at once", async () => {
    const problem = {
      type: "about:blank",
      title: "Taken",
      status: 409,
      code: "step_taken",
      detail: "Step 0 is taken.",
    };
    await using server = await startServer((_, response) =>
      answer(response, 409, problem, { "content-type": "application/problem+json" }),
    );
    const error = await clientFor(server.url)
      .pushCheckpoint("mdl_1", 0, bytes)
      .catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 409, code: "step_taken", message: "Step 0 is taken." });
    expect(server.received).toHaveLength(1);
  });

  test("that something in between refuses without a problem document still throws ApiError", async () => {
    await using server = await startServer((_, response) => response.writeHead(413).end("<html>"));
    await expect(clientFor(server.url).pushCheckpoint("mdl_1", 0, bytes)).rejects.toMatchObject({
      code: "http_413",
      message: "the service answered 413",
    });
  });
});

test("nobody listening is a network error like any other", async () => {
  const server = await startServer((_, response) => answer(response, 202, {}));
  await server[Symbol.asyncDispose]();
  const pushed = clientFor(server.url, { deadlineMs: 60 }).pushCheckpoint("mdl_1", 0, bytes);
  await expect(pushed).rejects.toThrow(/gave up after \d tries: fetch failed: .*ECONNREFUSED/);
});

test("suites, models and names reach their paths", async () => {
  await using server = await startServer((_, response) => answer(response, 200, { id: "mdl_1" }));
  const client = clientFor(server.url);
  await client.putSuite("add 47", bytes);
  expect(await client.createModel({ name: "m", suite: "add 47", tags: ["seed:1"] })).toEqual({ id: "mdl_1" });
  expect(server.received.map(({ method, path }) => `${method} ${path}`)).toEqual([
    "PUT /suites/add%2047",
    "POST /models",
  ]);
  expect(JSON.parse(`${server.received[1]?.body}`)).toEqual({ name: "m", suite: "add 47", tags: ["seed:1"] });
});

test("an answer that is not the document is an error, not a surprise later", async () => {
  await using server = await startServer((_, response) => answer(response, 200, { name: "m" }));
  await expect(clientFor(server.url).createModel({ name: "m", suite: "s" })).rejects.toThrow("POST /models");
});

describe("waiting for the verdict", () => {
  const point = (step: number, evaluated: boolean) => ({ step, weightNorm: 1, ...(evaluated && { splits: {} }) });

  test("ends when the last point is evaluated and the verdict has seen it", async () => {
    let looks = 0;
    await using server = await startServer(({ path }, response) => {
      if (path.endsWith("trajectory")) {
        looks += 1;
        answer(response, 200, { points: [point(25, true), point(50, looks > 1)], next: null });
      } else answer(response, 200, { verdict: "latent", asOfStep: looks > 2 ? 50 : 25 });
    });
    const verdict = await waitForVerdict(clientFor(server.url), "mdl_1", 50, { everyMs: 1 });
    expect([verdict.asOfStep, looks]).toEqual([50, 3]);
  });

  test("goes on while the step that was pushed last is not in the trajectory", async () => {
    let looks = 0;
    await using server = await startServer(({ path }, response) => {
      if (path.endsWith("trajectory")) {
        looks += 1;
        answer(response, 200, { points: [10, 20, 30].slice(0, looks).map((step) => point(step, true)), next: null });
      } else answer(response, 200, { verdict: "latent", asOfStep: looks * 10 });
    });
    expect((await waitForVerdict(clientFor(server.url), "mdl_1", 30, { everyMs: 1 })).asOfStep).toBe(30);
  });

  test("follows the pages of a long trajectory", async () => {
    await using server = await startServer(({ path }, response) => {
      if (path.endsWith("cursor=c%3D")) answer(response, 200, { points: [point(50, true)], next: null });
      else if (path.endsWith("trajectory")) answer(response, 200, { points: [point(25, true)], next: "c=" });
      else answer(response, 200, { verdict: "memorizer", asOfStep: 50 });
    });
    const verdict = await waitForVerdict(clientFor(server.url), "mdl_1", 50, { everyMs: 1 });
    expect(verdict.verdict).toBe("memorizer");
  });

  test("waits for as long as evaluations go on, however many there are", async () => {
    let looks = 0;
    await using server = await startServer(({ path }, response) => {
      if (!path.endsWith("trajectory")) return answer(response, 200, { verdict: "latent", asOfStep: looks * 10 });
      looks += 1;
      answer(response, 200, {
        points: Array.from({ length: 20 }, (_, i) => point(10 * (i + 1), i < looks)),
        next: null,
      });
    });
    // Longer in all than what is allowed without anything new, and each wait much shorter, on a busy machine too.
    const patience = { everyMs: 250, timeoutMs: 4_000 };
    expect((await waitForVerdict(clientFor(server.url), "mdl_1", 200, patience)).asOfStep).toBe(200);
    expect(looks).toBe(20);
  });

  test("says what is missing when it gives up", async () => {
    await using server = await startServer(({ path }, response) => {
      if (path.endsWith("trajectory")) answer(response, 200, { points: [point(50, false)], next: null });
      else answer(response, 200, { verdict: "latent", asOfStep: 25 });
    });
    const waiting = waitForVerdict(clientFor(server.url), "mdl_1", 50, { everyMs: 1, timeoutMs: 20 });
    await expect(waiting).rejects.toThrow("step 50 is not evaluated");
  });
});

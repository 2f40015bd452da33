import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Stack, type StackOptions, startStack } from "../../local/stack.ts";
import type { DeliveryMessage, EvaluationMessage } from "./fixtures/env.ts";
import { emptyPreparation } from "./fixtures/preparation.ts";

interface State {
  greeting: string;
  lease: string;
  sweeps: number;
  received: (DeliveryMessage & { receivedAt: number; batch: number })[];
}

const DEADLINE_SECONDS = 4;
let folder: string;
let stack: Stack;
let options: StackOptions;
const lines: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "curie-point-stack-"));
  options = {
    data: folder,
    port: 0,
    log: (line) => lines.push(line),
    sweepEverySeconds: 0.2,
    evaluationDeadlineSeconds: DEADLINE_SECONDS,
    bindings: { GREETING: 'hé"llo\n' },
    wranglerConfig: join(import.meta.dirname, "fixtures", "wrangler.toml"),
    preparation: emptyPreparation,
  };
  stack = await startStack(options);
}, 60_000);
afterAll(async () => {
  await stack.close();
  rmSync(folder, { recursive: true, force: true });
});

const call = async (path: string, body?: unknown): Promise<State> => {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  return (await (await fetch(stack.url + path, init)).json()) as State;
};
const message = (id: string, kind: EvaluationMessage["kind"]) => ({ id, kind, sentAt: Date.now() });

/** As soon as the condition holds of the API's answer; connections refused while it restarts do not count. */
async function until(condition: (state: State) => boolean, milliseconds = 10_000): Promise<State> {
  for (const end = Date.now() + milliseconds; ; await pause(20)) {
    const state = await call("/").catch(() => undefined);
    if (state !== undefined && condition(state)) return state;
    if (Date.now() > end)
      throw new Error(`not within ${milliseconds} ms: ${JSON.stringify(state)}\n${lines.join("\n")}`);
  }
}
const arrival = async (id: string, milliseconds?: number) => {
  const { received } = await until((state) => state.received.some((one) => one.id === id), milliseconds);
  const found = received.find((one) => one.id === id);
  if (found === undefined) throw new Error("lost in between");
  return found;
};

test("bindings arrive as they were given, over those of wrangler.toml", async () => {
  expect(await call("/")).toMatchObject({ greeting: 'hé"llo\n', lease: String(DEADLINE_SECONDS + 5) });
});

test("the sweep runs again and again", async () => {
  const { sweeps } = await until((state) => state.sweeps > 0);
  await until((state) => state.sweeps >= sweeps + 2);
});

test("a message crosses to the evaluator, and its own to the API, within 50 ms each", async () => {
  await call("/evaluate", message("warm", "pass on"));
  await arrival("warm");
  const delays: number[] = [];
  for (let n = 0; n < 10; n++) {
    await call("/evaluate", message(`crossing ${n}`, "pass on"));
    const { receivedAt, sentAt } = await arrival(`crossing ${n}`);
    delays.push(receivedAt - sentAt);
  }
  // Two crossings; the median, for other work on the machine may hold up any one of them.
  expect(delays.sort((a, b) => a - b)[5]).toBeLessThan(100);
});

test("a hundred messages sent at once all arrive, in batches", async () => {
  const ids = Array.from({ length: 100 }, (_, n) => `many ${n}`);
  await call(
    "/evaluate-all",
    ids.map((id) => message(id, "pass on")),
  );
  const { received } = await until((state) => ids.every((id) => state.received.some((one) => one.id === id)));
  expect(received.filter(({ id }) => id.startsWith("many"))).toHaveLength(100);
});

test("an event that fails is handed over again, counting its attempts", async () => {
  await call("/evaluate", message("third time lucky", "fail twice"));
  expect((await arrival("third time lucky")).attempts).toBe(3);
});

test("an event that uses the database ends, so that the queue goes on", async () => {
  for (const id of ["first query", "second query", "third query"]) {
    await call("/evaluate", message(id, "query"));
    expect((await arrival(id)).rows).toEqual([{ answer: 42 }]);
  }
});

test("a loop is ended at the deadline, while the API goes on answering; the next message is served", async () => {
  const before = stack.pids().evaluator;
  await call("/evaluate", message("endless", "loop"));
  await call("/evaluate", message("after the loop", "pass on"));
  let answers = 0;
  for (; stack.pids().evaluator === before; await pause(20)) {
    await call("/");
    answers++;
  }
  // Held up by the loop, the first answer would have come with its end.
  expect(answers).toBeGreaterThan(5);
  await arrival("after the loop");
  expect(lines.some((line) => /an event has not ended after 4 s/.test(line))).toBe(true);
});

test.each(["api", "evaluator"] as const)(
  "the %s comes back after ten kills, some while it restarts",
  async (name) => {
    for (let n = 0; n < 10; n++) {
      let pid = stack.pids()[name];
      for (const end = Date.now() + 5_000; pid === null && Date.now() < end; pid = stack.pids()[name]) await pause(1);
      if (pid === null) throw new Error("it does not come back");
      process.kill(pid, "SIGKILL");
      // Odd rounds strike the next process as soon as there is one, before it listens.
      while (stack.pids()[name] === pid) await pause(1);
      if (n % 2 === 0) await until(() => stack.pids()[name] !== null);
    }
    await until(() => stack.pids()[name] !== null);
    await call("/evaluate", message(`after killing the ${name}`, "pass on"));
    await arrival(`after killing the ${name}`);
  },
  30_000,
);

test("a second instance on the folder is refused, and so is a taken port", async () => {
  await expect(startStack(options)).rejects.toThrow(/^another stack \(process \d+\) is using the data folder [^\n]*$/);
  const port = Number(new URL(stack.url).port);
  await expect(startStack({ ...options, port })).rejects.toThrow(`port ${port} is taken: name another with --port`);
});

test("a restart keeps the admin key, its owner's alone", async () => {
  const key = stack.adminKey;
  await stack.close();
  stack = await startStack(options);
  expect(stack.adminKey).toBe(key);
  expect(statSync(join(folder, "admin-key")).mode & 0o777).toBe(0o600);
});

test("a key that the database does not know is replaced", async () => {
  const key = stack.adminKey;
  await stack.close();
  stack = await startStack({ ...options, preparation: { ...emptyPreparation, isValid: async () => false } });
  expect(stack.adminKey).not.toBe(key);
});

test("a database that cannot be migrated is one line, and leaves nothing running or locked", async () => {
  await stack.close();
  const migrate = async () => {
    throw new Error("The database has migrations that this version does not know");
  };
  await expect(startStack({ ...options, preparation: { ...emptyPreparation, migrate } })).rejects.toThrow(
    /^the database cannot be used: The database has migrations that this version does not know$/,
  );
  stack = await startStack(options);
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RetrySettings } from "../src/client/retry.ts";
import { createProgress } from "../src/progress.ts";
import { defaults, type Settings } from "../src/train.ts";
import { trainWatched } from "../src/watched.ts";
import { runTrainer, small } from "./commands.ts";
import { answer, pushedSteps, startServer, startService } from "./local-server.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "away-"));
});
afterEach(() => rm(directory, { recursive: true }));

const settings: Settings = {
  ...defaults,
  ...{ modulus: 7, cornerSide: 2, mirrorPairs: 4, embedding: 8, hidden: 12, steps: 40, every: 10 },
};
const quick = { firstWaitMs: 5, longestWaitMs: 20 };
const impatient = { ...quick, deadlineMs: 200 };

/** How a run ends; what it tells of the service meanwhile is in `log`. */
async function watch(url: string, log: { told: string }, options: { out?: string; retry?: Partial<RetrySettings> }) {
  const progress = createProgress({ write: (text) => (log.told += text) }, settings.steps);
  const { retry = quick, ...others } = options;
  const service = { url, key: "key", retry };
  return await trainWatched({ settings, service, ...others }, progress).catch((error: unknown) => error);
}

let log: { told: string };
beforeEach(() => {
  log = { told: "" };
});

test("a service that is away is told at its second failure, with the reason, and when it is back", async () => {
  const isAway = (step: number | null) => step === 10 && !log.told.includes("is away");
  await using service = await startService(undefined, { isAway });
  expect(await watch(service.url, log, {})).toMatchObject({ verdict: { asOfStep: 40 } });
  expect(log.told.match(/the service is away \(fetch failed: .+\): trying on\n/g)).toHaveLength(1);
  expect(log.told.match(/the service is back\n/g)).toHaveLength(1);
});

test("without a folder, one that stays away ends the run with the reason", async () => {
  const gone = await startService();
  await gone[Symbol.asyncDispose]();
  const ended = await watch(gone.url, log, { retry: impatient });
  expect(String(ended)).toMatch(/gave up after \d+ tries: fetch failed: .*ECONNREFUSED/);
  expect(log.told).toMatch(/the service is away \(fetch failed: .*ECONNREFUSED.*\): trying on\n/);
});

test("with one, it ends when training does, and says where what waits is", async () => {
  const gone = await startService();
  await gone[Symbol.asyncDispose]();
  const ended = await watch(gone.url, log, { out: directory, retry: impatient });
  expect(String(ended)).toMatch(/gave up after \d+ tries: fetch failed: .*ECONNREFUSED/);
  expect(log.told).toContain(`checkpoints wait in ${directory}\n`);
  expect(log.told).toContain(`${directory} holds the run up to step 40: resumed, it goes on from there\n`);
});

test.each([429, 503])("a service that answers %i for an hour is left alone while training goes on", async (status) => {
  let refused = 0;
  // Away until every checkpoint is taken; then training ends, and it is asked once more.
  await using service = await startServer(({ method, path }, response) => {
    if (refused === 0) {
      refused += 1;
      return answer(response, status, { detail: "Later." }, { "retry-after": "3600" });
    }
    if (path.endsWith("/verdict")) return answer(response, 200, { verdict: "latent", asOfStep: 40 });
    const points = [{ step: 40, weightNorm: 1, splits: {} }];
    if (path.endsWith("/trajectory")) return answer(response, 200, { points, next: null });
    answer(response, method === "POST" ? 201 : 202, { id: "mdl_1" });
  });
  expect(await watch(service.url, log, { out: directory })).toMatchObject({ verdict: { asOfStep: 40 } });
  expect(log.told).toContain(`the service is away (Later.): checkpoints wait in ${directory}`);
  expect(pushedSteps(service)).toEqual([0, 10, 20, 30, 40]);
  // Once in vain while training, and not again and again.
  expect(service.received.filter(({ path }) => path.startsWith("/suites/"))).toHaveLength(2);
});

test("a refusal ends a run at once, however far the next checkpoint is", async () => {
  const problem = { code: "unauthorized", detail: "The key is not known." };
  await using service = await startServer((_, response) => answer(response, 401, problem));
  const far = [...small, "--every", "100000000", "--steps", "100000000"];
  const { code, stderr } = await runTrainer("src/grok.ts", ["--url", service.url, "--out", directory, ...far], "wrong");
  expect([code, stderr]).toEqual([1, expect.stringContaining("The key is not known.")]);
  expect(stderr).toContain(`${directory} holds the run up to step 0: resumed, it goes on from there`);
}, 60_000);

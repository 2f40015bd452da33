import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { and, eq, sql } from "drizzle-orm";
import { beforeAll, expect, test } from "vitest";
import type { Database } from "../../src/database/client.ts";
import { evaluations, models } from "../../src/database/schema.ts";
import { newId } from "../../src/ids.ts";
import { diagnose } from "../../src/services/ensemble/diagnose.ts";
import { contextOf } from "./in-process.ts";
import { expectRefusal } from "./refused.ts";
import { newTeam, signedIn, type Team } from "./service.ts";
import { correctOf, ROWS, tableSuite } from "./table-model.ts";
import { historyCsv, pushAll, type ScriptedPoint, script, settledVerdict } from "./trajectories.ts";

interface Document {
  ensemble: string;
  suite: { name: string };
  provenance: string | null;
  models: { name: string; setting: number | null; size: number | null; verdict: string | null }[];
  members: number;
  splits: string[];
  examples: number;
  fromStep: number | null;
  throughStep: number | null;
  reading: {
    insufficient?: string;
    curve: { step: number; members: number; m: number; susceptibility: number; cumulant: number | null }[];
    peak: { at: number };
  };
  outcomes: { counts: Record<string, number>; members: { name: string; outcome: string }[] };
  cells: { setting: number; size: number | null; members: number; final: { m: number } }[];
  crossings: unknown[];
  critical: { setting: { at?: number; insufficient?: string } }[];
  caveats: { code: string; message: string }[];
}

/** Checkpoints after which the models of the ensemble "seeds" grok. */
const AFTER = [8, 10, 12, 14, 16, 18];

let team: Team;
beforeAll(async () => {
  team = await newTeam();
  await team.client.putSuite("rules", tableSuite());
  for (const [seed, after] of AFTER.entries()) await add("seeds", `seeds-${seed}`, groksAfter(after), [`seed:${seed}`]);
});

/** A query that asks for nothing in particular. */
const ASKED = { setting: undefined, size: undefined, split: undefined, gap: undefined };

/** Runs `tried` on rows that are as they were again after it. */
async function whatIf(tried: (db: Database) => Promise<void>): Promise<void> {
  const over = new Error("as it was");
  const trying = team.db.transaction(async (tx) => {
    await tried(tx as unknown as Database);
    throw over;
  });
  await expect(trying).rejects.toBe(over);
}

const read = (name: string, query = "") => team.call<Document>("GET", `/ensembles/${name}${query}`);

const page = async (path: string) =>
  await team.call("GET", path, { key: null, headers: { ...(await signedIn(team)), accept: "text/html" } });

/** A run that groks `after` so many checkpoints, ten steps apart. */
const groksAfter = (after: number): ScriptedPoint[] =>
  script([1, 0.1, 0.1, 0.1], [after, 1, 0.1, 0.1], [1, 1, 0.5, 0.5], [30 - after, 1, 1, 1]);

async function add(ensemble: string, name: string, points: readonly ScriptedPoint[], tags: string[] = []) {
  const { id } = await team.client.createModel({ name, suite: "rules", ensemble, tags });
  if (points.length === 0) return id;
  const answer = await team.call("POST", `/models/${id}/import`, {
    body: historyCsv(points),
    headers: { "content-type": "text/csv" },
  });
  expect(answer.status, answer.text).toBe(200);
  return id;
}

test("models that differ by their seeds say together when they cross, as the command says of their histories", async () => {
  const { status, body } = await read("seeds");
  expect(status).toBe(200);
  expect(body).toMatchObject({
    ensemble: "seeds",
    suite: { name: "rules" },
    provenance: "reported",
    members: 6,
    splits: ["ood:shift"],
    examples: ROWS,
    fromStep: 0,
    throughStep: 310,
    outcomes: { counts: { comprehension: 6, grokking: 0 } },
  });
  expect(body.caveats.map(({ code }) => code)).toEqual(["reported_evidence", "few_members"]);
  expect(body.models.map(({ name, verdict }) => [name, verdict])).toEqual(
    AFTER.map((_, seed) => [`seeds-${seed}`, "generalizer"]),
  );

  // By hand: after step 140 three have crossed for good and one is half way, with the running median of 3 behind it.
  const at = body.reading.curve.find(({ step }) => step === 140);
  const m = (accuracy: number) => (correctOf(accuracy) / ROWS - 0.1) / 0.9;
  const values = [1, 1, 1, 0.1, 0.1, 0.1].map(m);
  const mean = values.reduce((sum, value) => sum + value) / 6;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 5;
  expect(at).toMatchObject({ members: 6 });
  expect(at?.m).toBeCloseTo(mean, 12);
  expect(at?.susceptibility).toBeCloseTo(ROWS * variance, 9);

  const folder = await mkdtemp(join(tmpdir(), "ensemble-"));
  try {
    const files = AFTER.map((after, seed) => ({
      file: join(folder, `s${seed}.csv`),
      text: historyCsv(groksAfter(after)),
    }));
    for (const { file, text } of files) await writeFile(file, text);
    const command = ["src/cli/ensemble.ts", ...files.map(({ file }) => file), "--json", "--classes", "10"];
    const { stdout } = await promisify(execFile)(process.execPath, command);
    const { reading, splits, examples, fromStep, throughStep, outcomes } = JSON.parse(stdout);
    expect({ reading, splits, examples, fromStep, throughStep }).toEqual({
      reading: body.reading,
      splits: body.splits,
      examples: body.examples,
      fromStep: body.fromStep,
      throughStep: body.throughStep,
    });
    expect(outcomes.counts).toEqual(body.outcomes.counts);
  } finally {
    await rm(folder, { recursive: true });
  }

  const sooner = await read("seeds", "?gap=100&split=validation");
  expect(sooner.body).toMatchObject({
    splits: ["validation"],
    outcomes: { counts: { grokking: 5, comprehension: 1 } },
  });
});

test("over a swept setting it is a cell for each value, and the setting at which they turn", async () => {
  const levels: Record<string, number[]> = { "0": [0.1, 0.1], "0.1": [0.1, 1], "1": [1, 1] };
  for (const [decay, pair] of Object.entries(levels)) {
    for (const [seed, level] of [...pair, ...pair, ...pair].entries()) {
      const tags = [`seed:${seed}`, `weight-decay:${decay}`];
      await add("decays", `decays-${decay}-${seed}`, script([1, 0.1, 0.1, 0.1], [16, 1, level, level]), tags);
    }
  }
  const { status, body } = await read("decays", "?setting=weight-decay");
  expect(status).toBe(200);
  expect(body.cells).toMatchObject([
    { setting: 0, size: null, members: 6, final: { m: 0 } },
    { setting: 0.1, members: 6 },
    { setting: 1, members: 6, final: { m: 1 } },
  ]);
  expect(body.cells[1]?.final.m).toBeCloseTo(0.5, 12);
  expect(body.critical).toMatchObject([{ setting: { at: 0.1 } }]);
  const sized = await read("decays", "?setting=weight-decay&size=seed");
  expect(sized.body.cells.map(({ size, setting }) => [size, setting])).toEqual(
    [0, 1, 2, 3, 4, 5].flatMap((size) => [0, 0.1, 1].map((setting) => [size, setting])),
  );
  expect(sized.body.crossings).toHaveLength(5);
  expect(body.models.find(({ name }) => name === "decays-0.1-3")).toMatchObject({ setting: 0.1, size: null });

  const { text } = await page("/ensembles/decays?setting=weight-decay");
  expect(text).toContain('aria-label="Order parameter and susceptibility over weight-decay"');
  expect(text).toContain("It turns at weight-decay 0.1 (between 0 and 1)");
  expect(text).toMatch(/>decays-0.1-3<\/a>.*<td class="number">0.1<\/td>/s);

  // Read as seeds alone it says that it is not.
  const mixed = await read("decays");
  expect(mixed.body.caveats).toContainEqual({
    code: "mixed_settings",
    message: expect.stringContaining("setting=weight-decay"),
  });
  const refused = await read("decays", "?setting=width");
  expectRefusal(refused, { status: 400, code: "invalid_request", says: 'needs one tag "width:NUMBER"; "decays-0-0"' });
  const listed = await team.call<{ models: { name: string }[]; next: string | null }>(
    "GET",
    "/models?ensemble=decays&limit=10",
  );
  const rest = await team.call<{ models: { name: string }[] }>(
    "GET",
    `/models?ensemble=decays&limit=10&cursor=${listed.body.next}`,
  );
  const names = [...listed.body.models, ...rest.body.models].map(({ name }) => name);
  expect(names).toHaveLength(18);
  expect(names.every((name) => name.startsWith("decays-"))).toBe(true);
});

test("what was measured here counts as such, and models without a point are named and left out", async () => {
  const points = script([1, 0.1, 0.1, 0.1], [5, 1, 0.1, 0.1]);
  const id = await add("begun", "begun-measured", []);
  await pushAll(team, id, points);
  await settledVerdict(team, id);
  await add("begun", "begun-nothing", []);
  const { body } = await read("begun");
  expect(body).toMatchObject({ provenance: "measured", members: 1, throughStep: 50 });
  expect(body.reading).toMatchObject({ insufficient: "too_few_members" });
  expect(body.caveats).toEqual([
    {
      code: "not_evaluated",
      message: expect.stringContaining('1 model without an evaluated checkpoint has no part in it: "begun-nothing"'),
    },
  ]);
  expect(body.models).toMatchObject([{ name: "begun-measured" }, { name: "begun-nothing", verdict: null }]);
  await add("begun", "begun-elsewhere", points);
  expect((await read("begun")).body.provenance).toBe("mixed");
});

test("of an ensemble without any result all is said that can be", async () => {
  await add("empty", "empty-0", [], ["wd:1"]);
  const { status, body } = await read("empty");
  expect(status).toBe(200);
  expect(body).toMatchObject({
    provenance: null,
    members: 0,
    splits: [],
    examples: 1,
    fromStep: null,
    throughStep: null,
  });
  expect((await read("empty", "?setting=wd")).body).toMatchObject({ provenance: null, cells: [], examples: 1 });
});

test("a model counts up to its frontier: what lies behind a step that is pending waits", async () => {
  const id = await add("waiting", "waiting-0", groksAfter(10));
  await whatIf(async (tx) => {
    const at = and(eq(evaluations.modelId, id), eq(evaluations.step, 150));
    await tx.update(evaluations).set({ status: "queued" }).where(at);
    const { diagnosis } = await diagnose(contextOf(team, ["read"], { db: tx }), "waiting", ASKED);
    expect(diagnosis).toMatchObject({ members: 1, throughStep: 140 });
  });
  expect((await read("waiting")).body.throughStep).toBe(310);
});

test("models on several suites are not compared", async () => {
  await team.client.putSuite("others", tableSuite(["train", "validation"]));
  await add("apart", "apart-0", []);
  await team.client.createModel({ name: "apart-1", suite: "others", ensemble: "apart" });
  const refused = await read("apart");
  expectRefusal(refused, { status: 409, code: "not_comparable", says: '"apart-1" on others sha256:' });
  expect(refused.body).toMatchObject({ reason: "other_suite" });
});

test.each([
  { name: "nobody", query: "", status: 404, code: "ensemble_not_found", says: '"nobody"' },
  { name: "seeds", query: "?split=ood:none", status: 400, code: "invalid_request", says: "it has train" },
  { name: "seeds", query: "?setting=wd", status: 400, code: "invalid_request", says: "has no such tag" },
  { name: "seeds", query: "?size=width", status: 400, code: "invalid_request", says: "setting" },
  { name: "seeds", query: "?gap=-1", status: 400, code: "invalid_request", says: "gap" },
  { name: "seeds", query: "?gap=", status: 400, code: "invalid_request", says: "whole number" },
  { name: "seeds", query: "?setting=", status: 400, code: "invalid_request", says: "setting" },
  { name: "a%20b", query: "", status: 400, code: "invalid_request", says: "name" },
] as const)("/ensembles/$name$query is refused with $code", async ({ name, query, ...refusal }) => {
  expectRefusal(await read(name, query), refusal);
});

test("a tag that says no number, or two, is refused by the model's name", async () => {
  await add("tags", "tags-0", [], ["wd:much"]);
  const much = { status: 400, code: "invalid_request", says: '"tags-0" has "wd:much"' } as const;
  expectRefusal(await read("tags", "?setting=wd"), much);
  await team.call("PATCH", "/models/tags-0", { body: { tags: ["wd:1", "wd:2"] } });
  expectRefusal(await read("tags", "?setting=wd"), { ...much, says: '"wd:1" and "wd:2"' });
});

test("an ensemble of more than can be read at once is refused, and not read in part", async () => {
  const [one] = await team.db.select().from(models).where(eq(models.teamId, team.id)).limit(1);
  if (!one) throw new Error("the team has no model");
  const rows = Array.from({ length: 201 }, (_, n) => ({
    ...one,
    id: newId("model"),
    name: `many-${n}`,
    ensemble: "many",
  }));
  await team.db.insert(models).values(rows);
  const refusal = { status: 422, code: "ensemble_too_large", says: "more than 200 models" } as const;
  expectRefusal(await read("many"), refusal);

  // The first checkpoint once more at 33,334 later steps; each has three splits.
  const id = await add("long", "long-0", groksAfter(10));
  await whatIf(async (tx) => {
    await tx.execute(sql`insert into checkpoints (id, team_id, model_id, step, created_at)
      select 'ckp_copy' || n, ${team.id}, ${id}, 1000 + n, now() from generate_series(1, 33334) as n`);
    await tx.execute(sql`insert into evaluations
      (id, team_id, checkpoint_id, model_id, suite_version_id, step, status, provenance, results, created_at)
      select 'evl_copy' || n, team_id, 'ckp_copy' || n, model_id, suite_version_id, 1000 + n, status, provenance,
        results, created_at
      from generate_series(1, 33334) as n, evaluations where model_id = ${id} and step = 0`);
    await expect(diagnose(contextOf(team, ["read"], { db: tx }), "long", ASKED)).rejects.toMatchObject({
      code: "ensemble_too_large",
      message: expect.stringContaining("more than 33333 checkpoints"),
    });
  });
});

test("in a browser it is a page: the curve, where it peaks, and every model with its verdict and outcome", async () => {
  const { body } = await read("seeds");
  const { status, text } = await page("/ensembles/seeds");
  expect(status).toBe(200);
  expect(text).toContain('aria-label="Order parameter and susceptibility over step"');
  expect(text).toContain(`The susceptibility peaks at step ${body.reading.peak.at} (between`);
  for (const seed of AFTER.keys())
    expect(text).toMatch(new RegExp(`>seeds-${seed}</a>.*generalizer.*comprehension`, "s"));
  expect(text).toContain("6 models on");
  expect((await page("/models/seeds-0")).text).toContain('<a href="/ensembles/seeds">seeds</a>');
});

test("the page of a sweep of one cell has no curve", async () => {
  await add("turns", "turns-odd", script([1, 0.1, 0.1, 0.1], [16, 1, 0.1, 0.1]), ["width:8"]);
  const few = await page("/ensembles/turns?setting=width");
  expect(few.status).toBe(200);
  expect(few.text).toMatch(/<th>width<\/th>.*<td class="number">8<\/td>/s);
  expect(few.text).not.toContain("<svg");
});

test("what there is not, and what is too much, is a page that says so", async () => {
  expect(await page("/ensembles/nobody")).toMatchObject({ status: 404, text: expect.stringContaining("No model has") });
  expect(await page("/ensembles/seeds?size=8")).toMatchObject({
    status: 400,
    text: expect.stringContaining("setting too"),
  });
});

import { eq } from "drizzle-orm";
import { beforeAll, expect, test } from "vitest";
import { deliveries } from "../../src/database/schema.ts";
import { createRandom } from "../../trainer/src/random.ts";
import { writeSafetensors } from "../../trainer/src/safetensors.ts";
import { startReceiver } from "./receiver.ts";
import { call, newTeam, type Team } from "./service.ts";
import { tableSuite } from "./table-model.ts";
import { pushAll, SCRIPTS, settledVerdict } from "./trajectories.ts";

interface Suite {
  splits: { name: string }[];
  audit: { splits: { split: string; inTrain: number | null; resolves: { paired: number } }[] };
}

let team: Team;
beforeAll(async () => {
  team = await newTeam();
});

/** A table suite whose split has its first rows from train; the models know an answer for each row of the table. */
function contaminated(split: string, count: number) {
  const names = ["train", "validation", "ood:shift"];
  const tensors = names.flatMap((name, s) => {
    const rows = Array.from({ length: 120 }, (_, n) => (name === split && n < count ? n : s * 120 + n));
    return (["row", "target"] as const).map((column): [string, { shape: number[]; values: BigInt64Array }] => [
      `${name}/${column}`,
      { shape: [120], values: BigInt64Array.from(rows, (row) => BigInt(column === "row" ? row : row % 10)) },
    ]);
  });
  return writeSafetensors(new Map(tensors), { task: "classification", output: "logits" });
}

test("a suite comes with its audit, stored with the version", async () => {
  const put = await team.call<Suite>("PUT", "/suites/clean", { body: tableSuite() });
  expect(put.status).toBe(201);
  expect(put.body.audit.splits.map(({ split }) => split)).toEqual(put.body.splits.map(({ name }) => name));
  expect(put.body.audit.splits).toMatchObject([
    { inTrain: null, duplicateRows: 0, classes: 10, majority: { share: 0.1 } },
    { inTrain: 0, duplicateRows: 0, unseenClasses: 0, resolves: { paired: 6 / 120 } },
    { inTrain: 0 },
  ]);
  expect((await team.call("GET", "/suites/clean")).body).toEqual(put.body);
  expect((await team.call("PUT", "/suites/clean", { body: tableSuite() })).body).toEqual(put.body);
});

interface Verdict {
  suite: { audit: Suite["audit"] & { examplesForOnePoint: number } };
  caveats: { code: string; message: string }[];
}

const contaminationOf = ({ caveats }: Pick<Verdict, "caveats">) =>
  caveats.filter(({ code }) => code === "contaminated_split").map(({ message }) => message);

test.each([
  { split: "ood:shift", rows: 30, caveats: 1 },
  { split: "ood:shift", rows: 1, caveats: 0 },
  // Where OOD decides, nothing rests on validation.
  { split: "validation", rows: 30, caveats: 0 },
])("$rows rows of train in $split are $caveats caveats of the verdict", async ({ split, rows, caveats }) => {
  const name = `${split.replace(":", "-")}-${rows}`;
  const put = await team.call<Suite>("PUT", `/suites/${name}`, { body: contaminated(split, rows) });
  expect(put.body.audit.splits.find((own) => own.split === split)).toMatchObject({ inTrain: rows, conflicting: 0 });
  await team.client.createModel({ name, suite: name });
  await pushAll(team, name, SCRIPTS.memorizer.slice(0, 3));
  const verdict = await settledVerdict(team, name);
  const found = contaminationOf(verdict);
  expect(found).toHaveLength(caveats);
  if (caveats) expect(found[0]).toContain("30 are in train");
});

/** A suite whose OOD split has a third of train, nearly: of 20 symbols to a row one is another. */
function nearlyContaminated() {
  const random = createRandom(11, "near");
  const draw = () => Array.from({ length: 20 }, () => Math.floor(random.uniform() * 500));
  const train = Array.from({ length: 120 }, draw);
  const splits = {
    train,
    "ood:shift": train.map((row, n) => (n < 40 ? row.with(0, 500 + n) : draw())),
  };
  return writeSafetensors(
    new Map(
      Object.entries(splits).flatMap(([name, rows]) => [
        [`${name}/x`, { shape: [120, 20], values: BigInt64Array.from(rows.flat(), BigInt) }],
        [`${name}/target`, { shape: [120], values: BigInt64Array.from(rows, (_, n) => BigInt(n % 10)) }],
      ]),
    ),
    { output: "logits" },
  );
}

test("near duplicates are a caveat of the verdict too, though no row is the same", async () => {
  const put = await team.call<Suite>("PUT", "/suites/nearly", { body: nearlyContaminated() });
  expect(put.body.audit.splits[1]).toMatchObject({ inTrain: 0, nearTrain: 40 });
  await team.client.createModel({ name: "nearly", suite: "nearly" });
  const { body } = await team.call<Verdict>("GET", "/models/nearly/verdict");
  expect(contaminationOf(body)).toEqual([expect.stringContaining("0 are in train and 40 more nearly so")]);
});

test("wherever the verdict is, so are the audit, what a contaminated split is worth, and how small a change shows", async () => {
  const own = await newTeam();
  const receiver = await startReceiver();
  await receiver.close();
  await own.call("POST", "/webhooks", { body: { url: receiver.url, events: ["verdict.changed"] } });
  await own.call("POST", "/webhooks", { body: { url: receiver.url, events: ["verdict.changed"], format: "slack" } });
  const name = "everywhere";
  const put = await own.call<Suite>("PUT", `/suites/${name}`, { body: contaminated("ood:shift", 30) });
  const { id } = await own.client.createModel({ name, suite: name });
  const says = "30 are in train";
  // Before anything is evaluated too.
  const early = await own.call<Verdict>("GET", `/models/${name}/verdict`);
  expect(early.body.suite.audit).toEqual(put.body.audit);
  expect(contaminationOf(early.body)).toEqual([expect.stringContaining(says)]);

  await pushAll(own, name, SCRIPTS.blind);
  const verdict = (await settledVerdict(own, name)) as unknown as Verdict & { verdict: string };
  expect(verdict.suite).toMatchObject({ audit: put.body.audit });
  expect(verdict.suite.audit).toMatchObject({
    examplesForOnePoint: 19_208,
    splits: [{ majority: { share: 0.1 } }, { balance: expect.closeTo(1, 12) }, { resolves: { paired: 0.05 } }],
  });
  const passed = await own.call<Verdict>("GET", `/models/${name}/verdict?require=${verdict.verdict}`);
  expect(passed).toMatchObject({ status: 200, body: { suite: { audit: put.body.audit } } });
  expect(contaminationOf(passed.body)).toHaveLength(1);
  const refused = await own.call<Verdict>("GET", `/models/${name}/verdict?require=generalizer`);
  expect(refused.status).toBe(412);
  expect(contaminationOf(refused.body)).toEqual([expect.stringContaining(says)]);

  const leastChange = { split: "ood:shift", paired: 0.05, examplesForOnePoint: 19_208 };
  const listed = await own.call<{ models: Pick<Verdict, "caveats">[] }>("GET", "/models");
  expect(listed.body.models).toMatchObject([{ verdict: verdict.verdict, leastChange }]);
  expect(listed.body.models.map(contaminationOf)).toEqual([[expect.stringContaining(says)]]);

  const told = await own.db.select().from(deliveries).where(eq(deliveries.teamId, own.id));
  const bodies = told.map(({ body }) => JSON.parse(body) as { data?: Pick<Verdict, "caveats">; text?: string });
  const texts = bodies.flatMap(({ text }) => text ?? []);
  const events = bodies.flatMap(({ data }) => data ?? []);
  expect([texts.length > 0, events.length]).toEqual([true, texts.length]);
  for (const text of texts) expect(text).toContain(says);
  for (const event of events) {
    expect(contaminationOf(event)).toHaveLength(1);
    expect(event).toMatchObject({ leastChange });
  }

  const form = { "content-type": "application/x-www-form-urlencoded", origin: own.service.url, accept: "text/html" };
  const signed = await call(own.service, "POST", "/sign-in", { headers: form, body: `key=${own.key}&next=/` });
  const cookie = (signed.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  for (const path of ["/", `/models/${id}`]) {
    const { text } = await call(own.service, "GET", path, { headers: { accept: "text/html", cookie } });
    expect(text).toContain(says);
    expect(text).toContain("5.0 points");
    expect(text).toContain("19,208");
  }
  const { text } = await call(own.service, "GET", `/models/${id}`, { headers: { accept: "text/html", cookie } });
  expect(text).toContain("0.100 of 0");
  expect(text).toContain("<th>chance</th>");
});

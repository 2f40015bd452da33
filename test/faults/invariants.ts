import { createHmac } from "node:crypto";
import { and, asc, eq, isNull } from "drizzle-orm";
import type { Database } from "../../src/database/client.ts";
import {
  announcements,
  artifacts,
  checkpoints,
  deadLetters,
  deliveries,
  evaluations,
  judgements,
  type StoredVerdict,
  suiteVersions,
  webhooks,
} from "../../src/database/schema.ts";
import { judge, type Point } from "../../src/phases/judge.ts";
import { ROWS, SPLITS } from "../stack/table-model.ts";
import { ACCURACIES, CONTENTS, contentOf, NORM, type Results, resultsOf } from "./contents.ts";
import type { FaultyReceiver } from "./faulty-receiver.ts";
import type { Reference, Standing } from "./reference.ts";
import { historyCorrect } from "./steps.ts";

export class Broken extends Error {
  override readonly name = "Broken";
}

/** What a schedule leaves, as the invariants see it. */
export interface Remains {
  db: Database;
  receiver: FaultyReceiver;
  reference: Reference;
  model: { id: string; suiteVersionId: string };
  path: string;
  /** Keys of the objects that the store holds for the team. */
  objects(): Promise<string[]>;
  /** Bodies of the messages that queues gave up; null where nobody knows. */
  givenUp: readonly object[] | null;
}

/** What must hold once the faults have stopped and nothing is left to do. */
export async function checkInvariants(world: Remains): Promise<void> {
  const points = await checkCheckpoints(world);
  await checkTransitions(world, points);
  await checkDeliveries(world);
  await checkStore(world);
  await checkDeadLetters(world);
}

export function holds(condition: boolean, invariant: string, found: unknown): asserts condition {
  if (!condition) throw new Broken(`${invariant}: ${JSON.stringify(found)}`);
}

/** Of what ended a schedule, for a person to read. */
export function describe(error: unknown): string {
  if (error instanceof Broken) return error.message;
  return error instanceof Error ? `${error.stack}${error.cause ? `\ncaused by ${error.cause}` : ""}` : `${error}`;
}

/** Each step holds what the reference allows, evaluated to exactly its counts. Returns the reference's points. */
async function checkCheckpoints({ db, reference, model }: Remains): Promise<Point[]> {
  const rows = await db
    .select({ checkpoint: checkpoints, evaluation: evaluations, norm: artifacts.weightNorm })
    .from(checkpoints)
    .innerJoin(evaluations, eq(evaluations.checkpointId, checkpoints.id))
    .leftJoin(artifacts, and(eq(artifacts.teamId, checkpoints.teamId), eq(artifacts.digest, checkpoints.digest)))
    .where(and(eq(checkpoints.modelId, model.id), isNull(checkpoints.supersededAt)))
    .orderBy(asc(checkpoints.step));
  const found = new Map(rows.map((row) => [row.checkpoint.step, row]));
  const points: Point[] = [];
  for (const [step, allowed] of reference.steps) {
    const standing = standingOf(step, found.get(step)?.checkpoint.digest);
    holds(allowed.has(standing), "no acknowledged checkpoint is lost", { step, standing, allowed: [...allowed] });
  }
  for (const { checkpoint, evaluation, norm } of rows) {
    const { step } = checkpoint;
    const standing = standingOf(step, checkpoint.digest);
    holds(reference.at(step).has(standing), "no checkpoint comes from nowhere", { step, standing });
    const wanted = wantedOf(step, standing, reference.reported(step));
    const exact = wanted.some((want) => sameResults(want, evaluation.results));
    const { status, failureCode, results } = evaluation;
    holds(exact, "every evaluation is exact", { step, standing, status, failureCode, results, wanted });
    if (!evaluation.results) continue;
    if (typeof standing === "number" && standing < ACCURACIES.length) {
      holds(Math.abs((norm ?? 0) - NORM) < 1e-3, "every norm is exact", { step, norm });
    }
    const layers = typeof standing === "number" ? contentOf(step, standing).layers : null;
    points.push({ step, splits: evaluation.results, weightNorm: norm, ...(layers ? { layers } : {}) });
  }
  return points;
}

function standingOf(step: number, digest: string | null | undefined): Standing {
  if (digest === undefined) return "absent";
  if (digest === null) return "history";
  const nth = Array.from({ length: CONTENTS }, (_, n) => n).find((n) => contentOf(step, n).digest === digest);
  if (nth === undefined) throw new Broken(`no checkpoint comes from nowhere: step ${step} holds ${digest}`);
  return nth;
}

/** What the evaluation of a step may say; null for an evaluation that cannot be. */
function wantedOf(step: number, standing: Standing, reports: ReadonlySet<number | null>): (Results | null)[] {
  if (standing === "history") {
    const correct = historyCorrect(step, ROWS);
    const memorized = { train: ROWS, validation: correct, "ood:shift": correct };
    return [Object.fromEntries(SPLITS.map((s) => [s, { correct: memorized[s], total: ROWS, loss: null }]))];
  }
  const { accuracies } = contentOf(step, Number(standing));
  if (accuracies) return [resultsOf(accuracies)];
  return [...reports].map((nth) => (nth === null ? null : resultsOf(ACCURACIES[nth] ?? ACCURACIES[0])));
}

function sameResults(want: Results | null, got: Results | null): boolean {
  if (!want || !got) return want === got;
  return (
    Object.keys(got).length === Object.keys(want).length &&
    Object.entries(want).every(([split, { correct, total, loss }]) => {
      const has = got[split];
      const near = loss === null ? has?.loss === null : Math.abs((has?.loss ?? Number.NaN) - loss) < 1e-5;
      return has?.correct === correct && has.total === total && near;
    })
  );
}

/** The verdict is that of the points alone, and each of its transitions stands in the ledger, once. */
async function checkTransitions({ db, model }: Remains, points: readonly Point[]): Promise<void> {
  const [judgement] = await db.select().from(judgements).where(eq(judgements.modelId, model.id));
  const [version] = await db.select().from(suiteVersions).where(eq(suiteVersions.id, model.suiteVersionId));
  const chance = Object.fromEntries(version?.splits.map((split) => [split.name, split.chance]) ?? []);
  const want = judge(points, { chance, policy: {} });
  const got: StoredVerdict | null = judgement?.verdict ?? null;
  const bare = got && { ...got, transitions: got.transitions.map(withoutId) };
  holds(same(bare, want), "the verdict is that of the points", { got: bare, want });

  const ledger = await db
    .select()
    .from(announcements)
    .where(eq(announcements.modelId, model.id))
    .orderBy(asc(announcements.position));
  const detected = ledger.filter(({ type }) => type === "detected");
  const identities = detected.map(({ transition: { split, kind, ordinal } }) => `${split} ${kind} ${ordinal}`);
  holds(unique(identities), "each transition is announced once", identities);
  holds(unique(detected.map(({ transitionId }) => transitionId)), "each transition is announced once", detected);
  const last = new Map(ledger.map((line) => [line.transitionId, line]));
  const standing = [...last.values()].filter(({ type }) => type !== "retracted");
  const said = standing.map(({ transitionId: id, transition }) => ({ id, ...transition }));
  const inOrder = (list: readonly { id: string }[]) => [...list].sort((a, b) => (a.id < b.id ? -1 : 1));
  holds(same(inOrder(said), inOrder(got?.transitions ?? [])), "the ledger and the verdict agree", { said, got });
}

const withoutId = ({ id, ...transition }: StoredVerdict["transitions"][number]) => transition;

/** JSON keeps no order of keys in this comparison. */
const same = (a: unknown, b: unknown): boolean => sorted(a) === sorted(b);
const sorted = (value: unknown): string =>
  JSON.stringify(value, (_, inner) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
const unique = (values: readonly unknown[]): boolean => new Set(values).size === values.length;

/** What was announced has its outbox rows, and every row that was to be sent has arrived as it is, signed. */
async function checkDeliveries({ db, receiver, reference, path }: Remains): Promise<void> {
  const hooks = await db.select().from(webhooks);
  const rows = await db.select().from(deliveries).orderBy(asc(deliveries.id));
  const ledger = await db.select().from(announcements).orderBy(asc(announcements.position));
  const always = rows.filter(({ webhookId }) => webhookId === reference.hooks[0]?.id);
  const events = always.map(({ eventType, body }) => ({ eventType, data: JSON.parse(body).data }));

  const wanted = ledger.flatMap(({ type, transitionId }) => (type === "settled" ? [] : [`${type} ${transitionId}`]));
  const told = events.flatMap(({ eventType, data }) =>
    eventType.startsWith("transition.")
      ? [`${data.retracted ? "retracted" : eventType.slice("transition.".length)} ${data.transition.id}`]
      : [],
  );
  holds(same(wanted.sort(), told.sort()), "each event has one row for each subscriber", { wanted, told });
  const changes = events.filter(({ eventType }) => eventType === "verdict.changed");
  const balance = new Map<string, number>();
  const add = (verdict: string, n: number) => balance.set(verdict, (balance.get(verdict) ?? 0) + n);
  for (const { data } of changes) {
    add(data.from, -1);
    add(data.verdict, 1);
  }
  const uneven = [...balance].filter(([, n]) => n !== 0);
  holds(uneven.length === 0 || uneven.length === 2, "changes of the verdict follow each other", changes);

  const ofEvent = new Map<string, string>();
  for (const { eventId, body } of rows) {
    holds((ofEvent.get(eventId) ?? body) === body, "an event is the same for every subscriber", { eventId });
    ofEvent.set(eventId, body);
  }
  for (const hook of hooks) {
    const own = new URL(hook.url).pathname;
    const posts = receiver.posts.filter((post) => post.path === own);
    const sent = rows.filter(({ webhookId }) => webhookId === hook.id);
    const secrets = [hook.secret, ...hook.retiredSecrets.map(({ secret }) => secret)];
    for (const { id, timestamp, signatures, body } of posts) {
      const known = sent.some((row) => row.eventId === id && row.body === body);
      holds(known, "each post is known by its id", { id, path: own });
      const good = secrets.some((secret) => signatures.includes(signatureOf(secret, `${id}.${timestamp}.${body}`)));
      holds(good, "each post is signed", { id, path: own });
    }
    for (const { eventId, body, status } of sent) {
      const arrived = posts.some((post) => post.id === eventId && post.body === body);
      holds(status !== "delivered" || arrived, "each delivery has arrived", { eventId, path: own });
    }
  }
  const strangers = receiver.posts.filter((post) => !post.path.startsWith(`${path}/`));
  holds(strangers.length === 0, "each post is known by its id", strangers);
  const undelivered = always.filter(({ status }) => status !== "delivered");
  holds(undelivered.length === 0, "each delivery has arrived", undelivered);
}

/** Standard Webhooks 1.0, written down once more: the service's own signing is what is judged. */
function signatureOf(secret: string, content: string): string {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  return `v1,${createHmac("sha256", key).update(content).digest("base64")}`;
}

async function checkStore({ db, objects }: Remains): Promise<void> {
  const ofArtifacts = await db.select({ key: artifacts.objectKey }).from(artifacts);
  const ofSuites = await db.select({ key: suiteVersions.objectKey }).from(suiteVersions);
  const inUse = [...ofArtifacts, ...ofSuites].flatMap(({ key }) => key ?? []).sort();
  const kept = (await objects()).sort();
  holds(same(kept, inUse), "the store holds what is in use and no more", { kept, inUse });
  const named = await db
    .selectDistinct({ digest: checkpoints.digest })
    .from(checkpoints)
    .where(isNull(checkpoints.supersededAt));
  const there = new Set((await db.select().from(artifacts)).filter((a) => a.objectKey).map((a) => a.digest));
  const lost = named.filter(({ digest }) => digest !== null && !there.has(digest));
  holds(lost.length === 0, "no acknowledged checkpoint is lost", lost);
}

async function checkDeadLetters({ db, givenUp }: Remains): Promise<void> {
  if (givenUp === null) return;
  const kept = (await db.select({ body: deadLetters.body }).from(deadLetters)).map(({ body }) => body);
  const inOrder = (list: readonly unknown[]) => list.map(sorted).sort();
  holds(same(inOrder(kept), inOrder(givenUp)), "each message that was given up is kept, once", { kept, givenUp });
}

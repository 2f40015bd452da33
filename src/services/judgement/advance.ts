import { and, desc, gte, sql } from "drizzle-orm";
import type { Context } from "../../context.ts";
import type { Transaction } from "../../database/client.ts";
import { judgements } from "../../database/schema.ts";
import {
  append,
  begin,
  conclude,
  DETECTOR_VERSION,
  type FoldState,
  type Point,
  type Verdict,
} from "../../phases/judge.ts";
import { enqueueEvents, hintDeliveries } from "../delivery/enqueue.ts";
import type { ModelEvent } from "../delivery/events.ts";
import { eventsOfDecision } from "./decision-events.ts";
import { findEarlierJudgement } from "./earlier-judgement.ts";
import { type JudgementKey, ofJudgement, ofTrajectory } from "./key.ts";
import { type Announced, announce, reconcile, withIds } from "./ledger.ts";
import { type Course, courseOf, endMove } from "./pin.ts";
import { type Folded, getSubject, readFrontier, type Subject } from "./points.ts";
import { appendToLedger, copyLedger, readLedger } from "./stored-ledger.ts";

/** What a transaction did to a trajectory before it is folded. */
export interface Change {
  /** Events to tell of, whatever comes of the fold. */
  told: readonly ModelEvent[];
  /** The lowest step whose point came, went or changed; null where none did. */
  from: number | null;
}

/**
 * The deciding transaction. Holding the model's judgement row, it runs `close`, folds the points up to the frontier
 * into the stored state, stores the verdict, appends to the ledger of announcements, and writes one outbox row for
 * each subscribed webhook: of what `close` tells of, and of what came of it. Idempotent: with nothing new below the
 * frontier it announces nothing. After a model's move to another suite version it waits for all that stood at the move.
 */
export async function advanceJudgement(
  ctx: Context,
  key: JudgementKey,
  close: (tx: Transaction) => Promise<Change>,
): Promise<void> {
  await decide(ctx, key, close, ({ foldedStep, foldedPoints }) => ({
    step: foldedStep,
    stands: foldedPoints !== FOLD_AGAIN,
  }));
}

/**
 * The same after a change of the past: steps were deleted, or the policy is another. All points up to the frontier are
 * folded again, from the first, and the verdict goes back with them at once.
 */
export async function reviseJudgement(
  ctx: Context,
  key: JudgementKey,
  change: (tx: Transaction) => Promise<void>,
): Promise<void> {
  const tellNothing = async (tx: Transaction) => {
    await change(tx);
    return { told: [], from: 0 };
  };
  await decide(ctx, key, tellNothing, () => NOTHING_HOLDS);
}

type JudgementRow = typeof judgements.$inferSelect;

const NOTHING_HOLDS: Folded = { step: null, stands: false };

/**
 * In the place of the number of folded points: some below the fold are others now. It stays until all are folded again,
 * which may have to wait for a late step, and it is what spares each new point a count of all before it.
 */
const FOLD_AGAIN = -1;

async function decide(
  ctx: Context,
  key: JudgementKey,
  change: (tx: Transaction) => Promise<Change>,
  foldedOf: (judgement: JudgementRow) => Folded,
): Promise<void> {
  const deliveryIds = await ctx.db.transaction(async (tx) => {
    const held = await lock(tx, key);
    const { told, from } = await change(tx);
    const judgement = await noteChange(tx, key, held, from);
    const subject = await getSubject(tx, key);
    const course = await courseOf(tx, key, subject.pin);
    const decided =
      course === "waiting"
        ? []
        : await fold(ctx, tx, { key, subject, judgement, folded: foldedOf(judgement), arrived: course === "arrived" });
    return await enqueueEvents(tx, subject, audible(subject, course, [...told, ...decided]), ctx.now());
  });
  if (deliveryIds.length > 0) ctx.log("info", "events.queued", { modelId: key.modelId, deliveryIds });
  await hintDeliveries(ctx, deliveryIds);
}

interface HeldJudgement extends JudgementRow {
  /** How far any detector has folded this trajectory: while a deployment goes on, two may. */
  furthest: number | null;
}

/** Whoever moves a model's judgement holds its row: closings of one model happen one after the other. */
async function lock(tx: Transaction, { teamId, modelId, suiteVersionId }: JudgementKey): Promise<HeldJudgement> {
  const row = { teamId, modelId, suiteVersionId, detectorVersion: DETECTOR_VERSION };
  await tx.insert(judgements).values(row).onConflictDoNothing();
  const [locked] = await tx.select().from(judgements).where(ofJudgement(row)).for("update");
  if (!locked) throw new Error(`the judgement of ${modelId} vanished`);
  const [all] = await tx
    .select({ furthest: sql<string | null>`max(${judgements.foldedStep})` })
    .from(judgements)
    .where(ofTrajectory(row));
  return { ...locked, furthest: all?.furthest == null ? null : Number(all.furthest) };
}

/**
 * Marks the judgements whose fold is past a change. None can pass it unseen: until the change commits, its step is
 * pending to every other transaction.
 */
async function noteChange(
  tx: Transaction,
  key: JudgementKey,
  { furthest, ...judgement }: HeldJudgement,
  from: number | null,
): Promise<JudgementRow> {
  if (from === null || furthest === null || furthest < from) return judgement;
  await tx
    .update(judgements)
    .set({ foldedPoints: FOLD_AGAIN })
    .where(and(ofTrajectory(key), gte(judgements.foldedStep, from)));
  const passed = judgement.foldedStep !== null && judgement.foldedStep >= from;
  return passed ? { ...judgement, foldedPoints: FOLD_AGAIN } : judgement;
}

/**
 * What webhooks hear. Of a suite version that the model has left, nothing; of checkpoints that a move evaluates again,
 * nothing by one: they are no news, and there may be thousands.
 */
function audible({ current, pin }: Subject, course: Course, events: readonly ModelEvent[]): readonly ModelEvent[] {
  if (!current) return [];
  if (course === "steady") return events;
  const through = pin?.throughStep ?? -1;
  return events.filter(({ type, data }) => type !== "evaluation.failed" || data.step > through);
}

interface Folding {
  key: JudgementKey;
  subject: Subject;
  judgement: JudgementRow;
  folded: Folded;
  /** Whether what stood when the model moved here is in only now. */
  arrived: boolean;
}

async function fold(ctx: Context, tx: Transaction, folding: Folding): Promise<ModelEvent[]> {
  const { key, subject, judgement, arrived } = folding;
  // What an earlier stay left may rest on another policy, and on steps that were deleted since.
  const folded = arrived && judgement.foldState !== null ? NOTHING_HOLDS : folding.folded;
  if (arrived) await endMove(tx, key, ctx.now());
  const earlier = judgement.foldState === null ? await findEarlierJudgement(tx, key) : null;
  const frontier = await readFrontier(tx, key, folded, earlier?.foldedStep ?? folded.step);
  if (frontier.waits) return [];
  // What is being judged anew waits for a late step too: until then the earlier detector's verdict stands.
  if (earlier !== null && frontier.points.length === 0) return [];
  const start = (!frontier.replay && judgement.foldState) || begin(subject.options);
  const { state, announced } = foldPoints(start, frontier.points);
  const conclusion = conclude(state);

  if (earlier !== null) await copyLedger(tx, key, earlier);
  const ledger = await readLedger(tx, key);
  const added =
    frontier.replay || earlier !== null
      ? reconcile(ledger, announced, conclusion.transitions, state.lastStep ?? 0)
      : announce(ledger, announced);
  await appendToLedger(tx, key, ledger.length, added);
  const transitions = withIds([...ledger, ...added], conclusion.transitions);
  const verdict = { ...conclusion, transitions };
  await tx
    .update(judgements)
    .set({
      foldState: state,
      foldedStep: state.lastStep,
      foldedPoints: state.checkpoints,
      verdict,
      updatedAt: ctx.now(),
    })
    .where(ofJudgement(key));
  if (!arrived) {
    const before = judgement.verdict ?? earlier?.verdict ?? null;
    return await eventsOfDecision(tx, key, subject, { added, before, now: verdict });
  }
  const through = subject.pin?.throughStep ?? -1;
  const news = added.filter(({ type, asOfStep }) => type === "detected" && asOfStep > through);
  const before = await readLeftVerdict(tx, key, subject);
  return await eventsOfDecision(tx, key, subject, { added: news, before, now: verdict });
}

/** What was last said of the model on the suite version that it left. */
async function readLeftVerdict(tx: Transaction, key: JudgementKey, { pin }: Subject): Promise<Verdict | null> {
  if (pin === null) return null;
  const [left] = await tx
    .select({ verdict: judgements.verdict })
    .from(judgements)
    .where(ofTrajectory({ ...key, suiteVersionId: pin.fromVersionId }))
    .orderBy(desc(judgements.updatedAt))
    .limit(1);
  return left?.verdict ?? null;
}

function foldPoints(start: FoldState, points: readonly Point[]): { state: FoldState; announced: Announced[] } {
  let state = start;
  const announced: Announced[] = [];
  for (const point of points) {
    const next = append(state, point);
    state = next.state;
    announced.push(...next.announcements.map((announcement) => ({ announcement, step: point.step })));
  }
  return { state, announced };
}

import { ACCURACIES, type Content, contentOf, type Results, resultsOf } from "./contents.ts";
import type { AnswerKind, FaultyReceiver } from "./faulty-receiver.ts";
import type { Reference } from "./reference.ts";

// What may be asked of the service, each with what the reference makes of its answer.

/** What came of asking: who is not answered cannot know. */
export type Came<Answer> = { answer: Answer } | { refused: string } | "unanswered";

/** The service as it can be asked, each time with what is to go wrong meanwhile. */
export interface Verbs<Trouble> {
  push(step: number, bytes: Uint8Array<ArrayBuffer>, trouble: Trouble | null): Promise<Came<unknown>>;
  /** Sends the first half of a file and no more. */
  pushCut(step: number, bytes: Uint8Array<ArrayBuffer>, trouble: Trouble | null): Promise<Came<unknown>>;
  /** Begins an upload in parts, sends them to the store and completes it; the rest is the service's own affair. */
  upload(step: number, content: Content, trouble: Trouble | null): Promise<Came<unknown>>;
  deleteStep(step: number, trouble: Trouble | null): Promise<Came<unknown>>;
  deleteFrom(from: number, trouble: Trouble | null): Promise<Came<unknown>>;
  report(step: number, splits: Results, trouble: Trouble | null): Promise<Came<unknown>>;
  subscribe(url: string, trouble: Trouble | null): Promise<Came<{ id: string }>>;
  enable(id: string, enabled: boolean, trouble: Trouble | null): Promise<Came<unknown>>;
  rotate(id: string, trouble: Trouble | null): Promise<Came<unknown>>;
  redeliver(id: string, trouble: Trouble | null): Promise<Came<unknown>>;
}

/** A service under a schedule: asked through its verbs, accounted for by a reference. */
export interface Subject<Trouble> {
  verbs: Verbs<Trouble>;
  reference: Reference;
  receiver: FaultyReceiver;
  /** Before the paths of this schedule's webhooks. */
  path: string;
}

const answered = (came: Came<unknown>): came is { answer: unknown } => came !== "unanswered" && "answer" in came;
const refusedAs = (came: Came<unknown>, code: string): boolean =>
  came !== "unanswered" && "refused" in came && came.refused === code;

export async function push<T>({ verbs, reference }: Subject<T>, step: number, nth: number, trouble: T | null) {
  const came = await verbs.push(step, contentOf(step, nth).bytes, trouble);
  if (answered(came)) reference.pushed(step, nth);
  else if (refusedAs(came, "step_taken")) reference.taken(step, nth);
  else reference.maybePushed(step, nth);
}

/** Whatever comes of it, nothing of it may stand: the reference is told nothing. */
export async function pushCut<T>({ verbs }: Subject<T>, step: number, nth: number, trouble: T | null) {
  await verbs.pushCut(step, contentOf(step, nth).bytes, trouble);
}

export async function upload<T>({ verbs, reference }: Subject<T>, step: number, nth: number, trouble: T | null) {
  const came = await verbs.upload(step, contentOf(step, nth), trouble);
  if (answered(came)) reference.uploaded(step, nth);
  else if (refusedAs(came, "step_taken")) reference.occupied(step);
  else reference.maybeUploaded(step, nth);
}

export async function deleteStep<T>({ verbs, reference }: Subject<T>, step: number, trouble: T | null) {
  const which = (other: number) => other === step;
  const came = await verbs.deleteStep(step, trouble);
  if (answered(came) || refusedAs(came, "checkpoint_not_found")) reference.deleted(which);
  else reference.maybeDeleted(which);
}

export async function deleteFrom<T>({ verbs, reference }: Subject<T>, from: number, trouble: T | null) {
  const which = (step: number) => step >= from;
  if (answered(await verbs.deleteFrom(from, trouble))) reference.deleted(which);
  else reference.maybeDeleted(which);
}

export async function report<T>({ verbs, reference }: Subject<T>, step: number, nth: number, trouble: T | null) {
  const came = await verbs.report(step, resultsOf(ACCURACIES[nth] ?? ACCURACIES[0]), trouble);
  if (answered(came)) reference.reportTaken(step, nth);
  else if (came === "unanswered") reference.maybeReported(step, nth);
}

export async function subscribe<T>({ verbs, reference, receiver, path }: Subject<T>, trouble: T | null) {
  const came = await verbs.subscribe(receiver.url(`${path}/${reference.hooks.length}`), trouble);
  if (came !== "unanswered" && "answer" in came) reference.subscribe(came.answer);
}

export async function enable<T>({ verbs, reference }: Subject<T>, nth: number, enabled: boolean, trouble: T | null) {
  // The first stays subscribed: it is the one that must be told of everything.
  const hook = reference.hooks[1 + (nth % Math.max(1, reference.hooks.length - 1))];
  if (!hook) return;
  hook.state = "unknown";
  if (answered(await verbs.enable(hook.id, enabled, trouble))) hook.state = enabled ? "on" : "off";
}

export async function rotate<T>({ verbs, reference }: Subject<T>, nth: number, trouble: T | null) {
  await verbs.rotate(hookOf(reference, nth), trouble);
}

export async function redeliver<T>({ verbs, reference }: Subject<T>, nth: number, trouble: T | null) {
  await verbs.redeliver(hookOf(reference, nth), trouble);
}

const hookOf = ({ hooks }: Reference, nth: number): string => hooks[nth % hooks.length]?.id ?? "";

export function receive({ receiver, reference, path }: Subject<never>, nth: number, answers: readonly AnswerKind[]) {
  const which = nth % reference.hooks.length;
  const hook = reference.hooks[which];
  // 410 turns a webhook off as soon as it is met; the first must be told of everything.
  if (answers.includes("gone") && hook && which > 0) hook.state = "unknown";
  const bearable = which > 0 ? answers : answers.filter((answer) => answer !== "gone");
  receiver.next.set(`${path}/${which}`, [...bearable]);
}

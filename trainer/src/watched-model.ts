import { setTimeout } from "node:timers/promises";
import { Client, type ClientSettings, type NewModel } from "./client/client.ts";
import { ServiceUnavailable } from "./client/errors.ts";
import { PhaseWatch } from "./client/phase-watch.ts";
import { PushQueue } from "./client/push-queue.ts";
import type { RetrySettings } from "./client/retry.ts";
import type { Progress } from "./progress.ts";
import type { Checkpoint } from "./train.ts";

/** Bytes that are on disk are read when their turn comes, so that any number may wait. */
type Pushed = () => Promise<Pick<Checkpoint, "step" | "onnx">>;

/** A wait that a person would ask about. */
const LONG_MS = 5_000;

export interface WatchedModel {
  readonly client: Client;
  id(): Promise<string>;
  /** Resolves as soon as there is room for more. */
  add(read: Pushed): Promise<void>;
  /** Throws what the service refused, as soon as it has. */
  check(): void;
  /** Resolves when everything has arrived. */
  drain(): Promise<void>;
  readonly phases: PhaseWatch;
  /** The last verdict heard of; training runs ahead of it. */
  said(): string | null;
  /** From here on a service that stays away for the whole of one more push is an error. */
  trainingEnds(): void;
}

/**
 * With `out`, training never waits for the service: what it has not got is in those files, and is pushed in order when
 * it is back. Without, nothing would keep what waits, so a service that stays away ends the run.
 */
export async function watchModel(
  service: ClientSettings,
  model: NewModel,
  suite: Uint8Array<ArrayBuffer>,
  out: string | undefined,
  progress: Progress,
): Promise<WatchedModel> {
  let isAway = false;
  const onFailure: RetrySettings["onFailure"] = ({ reason, failures, waitMs }) => {
    // Most pass unseen: a connection that was closed, a Worker that was replaced.
    if (isAway || (failures < 2 && waitMs < LONG_MS)) return;
    isAway = true;
    const meanwhile = out === undefined ? "trying on" : `checkpoints wait in ${out}`;
    progress.note(`the service is away (${reason}): ${meanwhile}`);
  };
  const isBack = () => {
    if (isAway) progress.note("the service is back");
    isAway = false;
  };
  const client = new Client({ ...service, retry: { ...service.retry, onFailure } });
  let known: string | null = null;
  const id = async (): Promise<string> => {
    if (known !== null) return known;
    await client.putSuite(model.suite, suite);
    const { id } = await client.createModel(model);
    isBack();
    progress.note(`model ${model.name} (${id}) on suite ${model.suite}`);
    known = id;
    return id;
  };
  const training = new AbortController();
  let [arrived, taken] = [0, 0];
  const push = async (read: Pushed): Promise<void> => {
    for (;;) {
      const wasTraining = !training.signal.aborted;
      try {
        const { step, onnx } = await read();
        await client.pushCheckpoint(await id(), step, onnx);
        isBack();
        arrived += 1;
        progress.pushed(arrived, taken);
        return;
      } catch (error) {
        if (out === undefined || !(error instanceof ServiceUnavailable) || !wasTraining) throw error;
        await setTimeout(error.waitMs, undefined, { signal: training.signal }).catch(() => undefined);
      }
    }
  };
  if (out === undefined) await id();
  const queue = new PushQueue<Pushed>(push, out === undefined ? {} : { inFlight: 1, room: Number.POSITIVE_INFINITY });
  // Looking is not worth two minutes of retries: the next look is half a second away.
  const impatient = new Client({ ...service, retry: { ...service.retry, deadlineMs: 2_000 } });
  let said: string | null = null;
  const phases = new PhaseWatch(
    async () => {
      if (known === null) throw new Error("no model yet");
      return await impatient.getVerdict(known);
    },
    ({ verdict }) => {
      said = verdict;
      progress.phase(verdict);
    },
  );
  return {
    client,
    id,
    add: async (read) => {
      taken += 1;
      await queue.add(read);
    },
    check: () => queue.check(),
    drain: () => queue.drain(),
    phases,
    said: () => said,
    trainingEnds: () => training.abort(),
  };
}

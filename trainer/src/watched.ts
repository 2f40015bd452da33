import { useBackend } from "./backends/backend.ts";
import { Client, type ClientSettings, type NewModel } from "./client/client.ts";
import type { VerdictDocument } from "./client/documents.ts";
import { ServiceUnavailable } from "./client/errors.ts";
import { PhaseWatch } from "./client/phase-watch.ts";
import { PushQueue } from "./client/push-queue.ts";
import { waitForVerdict } from "./client/wait-for-verdict.ts";
import {
  readCheckpointFile,
  readStateFile,
  stepsOfFiles,
  writeCheckpointFiles,
  writeStateFile,
  writeSuiteFile,
} from "./files.ts";
import type { Progress } from "./progress.ts";
import { type Checkpoint, defaults, type Settings, type TrainCallbacks, train } from "./train.ts";

export interface WatchedOptions {
  readonly settings: Partial<Settings>;
  /** What the settings are named after, for the checkpoints' sidecars. */
  readonly preset?: string;
  /** The service to push to; without it checkpoints only go to `out`. */
  readonly service?: ClientSettings;
  /** Name of the model; by default the task and the seed. */
  readonly model?: string;
  /** Name of the suite; by default the task. */
  readonly suite?: string;
  /** Models that differ by seed, or by one setting, share one. */
  readonly ensemble?: string;
  /** Of the model, beside its seed. */
  readonly tags?: readonly string[];
  /** Directory for the suite and the checkpoints as files. */
  readonly out?: string;
  /** Go on from the last checkpoint in `out`, where there is one. */
  readonly resume?: boolean;
  /** End as soon as the service says so; with `service`. */
  readonly until?: string;
  /** Steps between checkpoints while the service says `transitioning`; with `service`. */
  readonly denseEvery?: number;
}

/** Trains while the service watches. Resolves with its verdict on the last checkpoint, or null without a service. */
export async function trainWatched(options: WatchedOptions, progress: Progress): Promise<VerdictDocument | null> {
  const chosen = { ...defaults, ...options.settings };
  const settings = { ...chosen, backend: await useBackend(chosen.backend, (line) => progress.note(line)) };
  const { out } = options;
  const from = out !== undefined && options.resume === true ? await readStateFile(out, settings) : null;
  if (from !== null) progress.note(`going on from step ${from.step} in ${out}`);
  const watched: { model?: WatchedModel } = {};
  const callbacks: TrainCallbacks = {
    async onStart({ task, suite }) {
      if (out !== undefined) await writeSuiteFile(out, suite);
      if (options.service === undefined) return;
      const suiteName = options.suite ?? task.name;
      const name = options.model ?? `${task.name}-seed${settings.seed}`;
      const { ensemble } = options;
      const tags = [`seed:${settings.seed}`, ...(options.tags ?? [])];
      const described = { name, suite: suiteName, tags, ...(ensemble !== undefined && { ensemble }) };
      watched.model = await watchModel(options.service, described, suite, out, progress);
      // What was measured and not pushed when the run was killed; what was pushed is the same bytes, and no news.
      if (out === undefined || from === null) return;
      for (const step of await stepsOfFiles(out, from.step))
        await watched.model.add(() => readCheckpointFile(out, step));
    },
    async onCheckpoint(checkpoint) {
      progress.checkpoint(checkpoint);
      if (out !== undefined) {
        await writeCheckpointFiles(out, checkpoint, settings, options.preset);
        await writeStateFile(out, await checkpoint.state(), settings);
      }
      const { step, onnx } = checkpoint;
      await watched.model?.add(out === undefined ? async () => ({ step, onnx }) : () => readCheckpointFile(out, step));
    },
    onStep: (step) => progress.step(step),
    wantsCheckpoint: (step) =>
      options.denseEvery !== undefined && watched.model?.said() === "transitioning" && step % options.denseEvery === 0,
    isEnough: () => options.until !== undefined && watched.model?.said() === options.until,
  };
  try {
    const last = await train(settings, callbacks, from).finally(() => watched.model?.trainingEnds());
    if (watched.model === undefined) return null;
    await watched.model.drain();
    progress.note("every checkpoint is pushed; waiting for the verdict");
    return await waitForVerdict(watched.model.client, await watched.model.id(), last.step);
  } finally {
    await watched.model?.phases.stop();
    progress.end();
  }
}

/** Bytes that are on disk are read when their turn comes, so that any number may wait. */
type Pushed = () => Promise<Pick<Checkpoint, "step" | "onnx">>;

interface WatchedModel {
  readonly client: Client;
  id(): Promise<string>;
  /** Resolves as soon as there is room for more. */
  add(read: Pushed): Promise<void>;
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
async function watchModel(
  service: ClientSettings,
  model: NewModel,
  suite: Uint8Array<ArrayBuffer>,
  out: string | undefined,
  progress: Progress,
): Promise<WatchedModel> {
  const client = new Client(service);
  let known: string | null = null;
  const id = async (): Promise<string> => {
    if (known !== null) return known;
    await client.putSuite(model.suite, suite);
    const { id } = await client.createModel(model);
    progress.note(`model ${model.name} (${id}) on suite ${model.suite}`);
    known = id;
    return id;
  };
  let training = true;
  let [arrived, taken] = [0, 0];
  const push = async (read: Pushed): Promise<void> => {
    for (;;) {
      const wasTraining = training;
      try {
        const { step, onnx } = await read();
        await client.pushCheckpoint(await id(), step, onnx);
        arrived += 1;
        progress.pushed(arrived, taken);
        return;
      } catch (error) {
        if (out === undefined || !(error instanceof ServiceUnavailable)) throw error;
        if (!wasTraining)
          throw new ServiceUnavailable(`${error.message}; --resume pushes what waits in ${out}`, { cause: error });
        progress.note(`the service is away: checkpoints wait in ${out}`);
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
    drain: () => queue.drain(),
    phases,
    said: () => said,
    trainingEnds: () => {
      training = false;
    },
  };
}

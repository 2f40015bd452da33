import { useBackend } from "./backends/backend.ts";
import { Client, type ClientSettings, type NewModel } from "./client/client.ts";
import type { VerdictDocument } from "./client/documents.ts";
import { PhaseWatch } from "./client/phase-watch.ts";
import { PushQueue } from "./client/push-queue.ts";
import { waitForVerdict } from "./client/wait-for-verdict.ts";
import { readCheckpointFiles, readStateFile, writeCheckpointFiles, writeStateFile, writeSuiteFile } from "./files.ts";
import type { Progress } from "./progress.ts";
import { type Checkpoint, defaults, type Settings, type TrainCallbacks, train } from "./train.ts";

export interface WatchedOptions {
  readonly settings: Partial<Settings>;
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
      const model = await watchModel(options.service, described, suite, progress);
      watched.model = model;
      // What was measured and not pushed when the run was killed; what was pushed is the same bytes, and no news.
      if (out === undefined || from === null) return;
      for await (const checkpoint of readCheckpointFiles(out, from.step)) await model.queue.add(checkpoint);
    },
    async onCheckpoint(checkpoint) {
      progress.checkpoint(checkpoint);
      if (out !== undefined) {
        await writeCheckpointFiles(out, checkpoint, settings);
        await writeStateFile(out, await checkpoint.state(), settings);
      }
      await watched.model?.queue.add(checkpoint);
    },
    onStep: (step) => progress.step(step),
    wantsCheckpoint: (step) =>
      options.denseEvery !== undefined && watched.model?.said() === "transitioning" && step % options.denseEvery === 0,
    isEnough: () => options.until !== undefined && watched.model?.said() === options.until,
  };
  try {
    const last = await train(settings, callbacks, from);
    if (watched.model === undefined) return null;
    await watched.model.queue.drain();
    progress.note("every checkpoint is pushed; waiting for the verdict");
    return await waitForVerdict(watched.model.client, watched.model.modelId, last.step);
  } finally {
    await watched.model?.phases.stop();
    progress.end();
  }
}

type Pushed = Pick<Checkpoint, "step" | "onnx">;

interface WatchedModel {
  readonly client: Client;
  readonly modelId: string;
  readonly queue: PushQueue<Pushed>;
  readonly phases: PhaseWatch;
  /** The last verdict heard of; training runs ahead of it. */
  said(): string | null;
}

async function watchModel(
  service: ClientSettings,
  model: NewModel,
  suite: Uint8Array<ArrayBuffer>,
  progress: Progress,
): Promise<WatchedModel> {
  const client = new Client(service);
  await client.putSuite(model.suite, suite);
  const { id: modelId } = await client.createModel(model);
  progress.note(`model ${model.name} (${modelId}) on suite ${model.suite}`);
  const queue = new PushQueue<Pushed>(async ({ step, onnx }) => {
    await client.pushCheckpoint(modelId, step, onnx);
  });
  // Looking is not worth two minutes of retries: the next look is half a second away.
  const impatient = new Client({ ...service, retry: { ...service.retry, deadlineMs: 2_000 } });
  let said: string | null = null;
  const phases = new PhaseWatch(
    () => impatient.getVerdict(modelId),
    ({ verdict }) => {
      said = verdict;
      progress.phase(verdict);
    },
  );
  return { client, modelId, queue, phases, said: () => said };
}

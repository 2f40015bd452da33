import { useBackend } from "./backends/backend.ts";
import type { ClientSettings } from "./client/client.ts";
import type { VerdictDocument } from "./client/documents.ts";
import { waitForVerdict } from "./client/wait-for-verdict.ts";
import { readCheckpointFile, stepsOfFiles, writeCheckpointFiles, writeStateFile, writeSuiteFile } from "./files.ts";
import type { Progress } from "./progress.ts";
import { beginIn, makeFolder, resumeIn } from "./run-folder.ts";
import { defaults, type Settings, type TrainCallbacks, train } from "./train.ts";
import { type WatchedModel, watchModel } from "./watched-model.ts";

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
  /** Train to the last step where weights are no finite numbers any more, and do not end there. */
  readonly throughDivergence?: boolean;
}

export interface Watched {
  /** The service's, on the last checkpoint; null without a service. */
  readonly verdict: VerdictDocument | null;
  /** The first checkpoint with a weight that is no finite number, if there is one: nothing is learned after it. */
  readonly divergedAt: number | null;
}

/**
 * Trains while the service watches. Throws UsageError, before anything is trained, where the settings or `out` cannot
 * be used. Whatever else it throws, what was measured before is in `out`, and at the service unless that is what failed.
 */
export async function trainWatched(options: WatchedOptions, progress: Progress): Promise<Watched> {
  const { out, resume = false } = options;
  const chosen = { ...defaults, ...options.settings };
  const settings = { ...chosen, backend: await useBackend(chosen.backend, (line) => progress.note(line)) };
  const from = out !== undefined && resume ? await resumeIn(out, settings) : null;
  if (from !== null) progress.note(`going on from step ${from.step} in ${out}`);
  const watched: { model?: WatchedModel } = {};
  let divergedAt: number | null = null;
  let keptStep = from?.step ?? null;
  const callbacks: TrainCallbacks = {
    async onStart({ task, suite }) {
      if (out !== undefined) {
        await (resume ? makeFolder(out) : beginIn(out));
        await writeSuiteFile(out, suite);
      }
      if (options.service === undefined) return;
      const suiteName = options.suite ?? task.name;
      const name = options.model ?? `${task.name}-seed${settings.seed}`;
      const { ensemble } = options;
      const tags = [`seed:${settings.seed}`, ...(options.tags ?? [])];
      const described = { name, suite: suiteName, tags, ...(ensemble !== undefined && { ensemble }) };
      watched.model = await watchModel(options.service, described, suite, out, progress);
      // What was measured and not pushed when the run was killed; what was pushed is the same bytes, and no news.
      if (out === undefined || from === null) return;
      for (const step of await stepsOfFiles(out))
        if (step < from.step) await watched.model.add(() => readCheckpointFile(out, step));
    },
    async onCheckpoint(checkpoint) {
      const { step, onnx } = checkpoint;
      progress.checkpoint(checkpoint);
      if (divergedAt === null && !Number.isFinite(checkpoint.weightNorm)) {
        divergedAt = step;
        progress.note(`diverged by step ${step}: weights are no finite numbers any more`);
      }
      if (out !== undefined) {
        await writeCheckpointFiles(out, checkpoint, settings, options.preset);
        await writeStateFile(out, await checkpoint.state(), settings);
        keptStep = step;
      }
      await watched.model?.add(out === undefined ? async () => ({ step, onnx }) : () => readCheckpointFile(out, step));
    },
    onStep(step) {
      progress.step(step);
      watched.model?.check();
    },
    wantsCheckpoint: (step) =>
      options.denseEvery !== undefined && watched.model?.said() === "transitioning" && step % options.denseEvery === 0,
    isEnough: () =>
      (options.until !== undefined && watched.model?.said() === options.until) ||
      (divergedAt !== null && options.throughDivergence !== true),
  };
  try {
    const last = await train(settings, callbacks, from).finally(() => watched.model?.trainingEnds());
    if (watched.model === undefined) return { verdict: null, divergedAt };
    await watched.model.drain();
    progress.note("every checkpoint is pushed; waiting for the verdict");
    const verdict = await waitForVerdict(watched.model.client, await watched.model.id(), last.step);
    return { verdict, divergedAt };
  } catch (error) {
    // What training has left behind is pushed all the same; its own error is the one to tell.
    await watched.model?.drain().catch(() => undefined);
    if (keptStep !== null) progress.note(`${out} holds the run up to step ${keptStep}: resumed, it goes on from there`);
    throw error;
  } finally {
    await watched.model?.phases.stop();
    progress.end();
  }
}

import { access } from "node:fs/promises";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";
import { useBackend } from "./backends/backend.ts";
import { writeWhole } from "./files.ts";
import { History } from "./history.ts";
import type { Progress } from "./progress.ts";
import { isFolder, makeFolder } from "./run-folder.ts";
import type { Settings } from "./settings.ts";
import { type Checkpoint, type TrainCallbacks, train } from "./train.ts";
import { UsageError } from "./usage-error.ts";

/**
 * Trains without a service and writes the run as CSV; gzip where the name ends in .gz. The file appears whole. Throws
 * UsageError, before anything is trained, where it could not be written.
 */
export async function recordRun(file: string, settings: Settings, progress?: Progress): Promise<Checkpoint> {
  const history = new History();
  const backend = await useBackend(settings.backend, (line) => progress?.note(line));
  const callbacks: TrainCallbacks = {
    async onStart() {
      await makeFolder(dirname(file));
      if (await isFolder(file)) throw new UsageError(`the run cannot be written to ${file}: it is a folder`);
    },
    onStep: (step) => progress?.step(step),
    onCheckpoint(checkpoint) {
      history.add(checkpoint);
      progress?.checkpoint(checkpoint);
    },
  };
  const last = await train({ ...settings, backend }, callbacks);
  progress?.end();
  const text = history.toCsv();
  await writeWhole(file, file.endsWith(".gz") ? gzipSync(text, { level: 9 }) : text);
  return last;
}

export const isRecorded = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

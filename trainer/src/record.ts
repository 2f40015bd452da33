import { access, mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";
import { useBackend } from "./backends/backend.ts";
import { History } from "./history.ts";
import type { Progress } from "./progress.ts";
import type { Settings } from "./settings.ts";
import { type Checkpoint, type TrainCallbacks, train } from "./train.ts";

/** Trains without a service and writes the run as CSV; gzip where the name ends in .gz. The file appears whole. */
export async function recordRun(file: string, settings: Settings, progress?: Progress): Promise<Checkpoint> {
  const history = new History();
  const backend = await useBackend(settings.backend, (line) => progress?.note(line));
  const callbacks: TrainCallbacks = {
    onStep: (step) => progress?.step(step),
    onCheckpoint(checkpoint) {
      history.add(checkpoint);
      progress?.checkpoint(checkpoint);
    },
  };
  const last = await train({ ...settings, backend }, callbacks);
  progress?.end();
  const text = history.toCsv();
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.part`, file.endsWith(".gz") ? gzipSync(text, { level: 9 }) : text);
  await rename(`${file}.part`, file);
  return last;
}

export const isRecorded = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

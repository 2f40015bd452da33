import { mkdir, mkdtemp, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { checkSidecar, readStateFile, stepsOfFiles } from "./files.ts";
import type { Settings } from "./settings.ts";
import type { TrainingState } from "./training-state.ts";
import { UsageError } from "./usage-error.ts";

/** Makes the folder, and tries whether it takes files: before hours of training, not after. Throws UsageError. */
export async function makeFolder(directory: string): Promise<void> {
  try {
    await make(resolve(directory));
    await rmdir(await mkdtemp(join(directory, ".trial-")));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`files cannot be written to the folder ${directory}: ${reason}`);
  }
}

/** By hand: Node's own `recursive` never ends under /proc, where a folder is there and takes none. */
async function make(path: string): Promise<void> {
  if (await isFolder(path)) return;
  if (dirname(path) !== path) await make(dirname(path));
  await mkdir(path).catch(async (error: unknown) => {
    // Another command may have made it meanwhile.
    if (!(await isFolder(path))) throw error;
  });
}

export const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/**
 * The folder of a run that begins: it must hold no other run, which would be mixed up with this one and pushed in its
 * name. Throws UsageError.
 */
export async function beginIn(directory: string): Promise<void> {
  await makeFolder(directory);
  const last = (await stepsOfFiles(directory)).at(-1);
  if (last === undefined) return;
  throw new UsageError(
    `${directory} holds a run, up to step ${last}: --resume goes on with it, and another folder begins a new one`,
  );
}

/** What a run in that folder goes on from, or null where there is nothing yet. Throws UsageError for other settings. */
export async function resumeIn(directory: string, settings: Settings): Promise<TrainingState | null> {
  const state = await readStateFile(directory, settings);
  const last = (await stepsOfFiles(directory)).at(-1);
  if (state === null && last !== undefined) await checkSidecar(directory, last, settings);
  return state;
}

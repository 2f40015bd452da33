import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";
import { defaults, type Settings } from "./settings.ts";
import type { Checkpoint } from "./train.ts";
import type { TrainingState } from "./training-state.ts";
import { UsageError } from "./usage-error.ts";

const STATE = "state.safetensors";

export async function writeSuiteFile(directory: string, suite: Uint8Array): Promise<void> {
  await writeWhole(join(directory, "suite.safetensors"), suite);
}

/** Whole or not there: what is there after a kill is pushed as it is, and gone on from. */
export async function writeWhole(file: string, contents: Uint8Array | string): Promise<void> {
  try {
    await writeFile(`${file}.part`, contents);
    await rename(`${file}.part`, file);
  } catch (error) {
    // On a full disk the rest would take the room that the next attempt needs.
    await rm(`${file}.part`, { force: true });
    throw new Error(`${file} cannot be written: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

/** The weights, and beside them what they are: enough to make them again. */
export async function writeCheckpointFiles(
  directory: string,
  { step, learningRate, weightNorm, splits, onnx }: Checkpoint,
  settings: Settings,
  preset?: string,
): Promise<void> {
  const name = fileName(step);
  const named = preset !== undefined && { preset };
  const sidecar = { step, learningRate, weightNorm, splits: Object.fromEntries(splits), ...named, settings };
  await writeWhole(join(directory, `${name}.onnx`), onnx);
  await writeWhole(join(directory, `${name}.json`), `${JSON.stringify(sidecar, null, 2)}\n`);
}

/** The steps whose checkpoints are in the directory, in order. */
export async function stepsOfFiles(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException): string[] => {
    if (isMissing(error)) return [];
    throw error;
  });
  const steps = names.flatMap((name) => {
    const step = /^ckpt_(\d+)\.onnx$/.exec(name)?.[1];
    return step === undefined ? [] : [Number(step)];
  });
  return steps.sort((x, y) => x - y);
}

export async function readCheckpointFile(
  directory: string,
  step: number,
): Promise<{ step: number; onnx: Uint8Array<ArrayBuffer> }> {
  return { step, onnx: Uint8Array.from(await readFile(join(directory, `${fileName(step)}.onnx`))) };
}

const isMissing = ({ code }: NodeJS.ErrnoException): boolean => code === "ENOENT" || code === "ENOTDIR";

const fileName = (step: number): string => `ckpt_${String(step).padStart(6, "0")}`;

/** What a killed run goes on from. It replaces the last one in one piece, so that there is always a whole one. */
export async function writeStateFile(
  directory: string,
  { step, values }: TrainingState,
  settings: Settings,
): Promise<void> {
  const tensors = new Map([...values].map(([name, values]) => [name, { shape: [values.length], values }]));
  const file = writeSafetensors(tensors, { step: String(step), settings: JSON.stringify(settings) });
  await writeWhole(join(directory, STATE), file);
}

/** Null where there is none. Throws where it is of other settings: only `steps` may differ, to train for longer. */
export async function readStateFile(directory: string, settings: Settings): Promise<TrainingState | null> {
  const file = await readFile(join(directory, STATE)).catch((error: NodeJS.ErrnoException) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (file === null) return null;
  const { tensors, step, settings: settingsThen } = parseState(file, join(directory, STATE));
  refuseOtherSettings(directory, settingsThen, settings);
  const values = new Map<string, Float32Array>();
  for (const [name, tensor] of tensors) {
    if (tensor.values instanceof Float32Array) values.set(name, tensor.values);
  }
  return { step, values };
}

/** Throws where the checkpoint's sidecar says that it was trained with other settings. */
export async function checkSidecar(directory: string, step: number, settings: Settings): Promise<void> {
  const sidecar: unknown = await readFile(join(directory, `${fileName(step)}.json`), "utf8")
    .then(JSON.parse)
    .catch(() => null);
  // A run that was killed between the two files has left none.
  if (sidecar !== null) refuseOtherSettings(directory, Object(sidecar).settings, settings);
}

function refuseOtherSettings(directory: string, then: Record<string, unknown>, settings: Settings): void {
  // A setting that is younger than the file had its usual value then.
  const saved: Record<string, unknown> = { ...defaults, ...then };
  for (const [name, value] of Object.entries(settings)) {
    if (name === "steps" || JSON.stringify(value) === JSON.stringify(saved[name])) continue;
    const [was, is] = [JSON.stringify(saved[name]), JSON.stringify(value)];
    throw new UsageError(`the run in ${directory} was trained with ${name} ${was}, not ${is}: it cannot be resumed so`);
  }
}

function parseState(file: Uint8Array, path: string) {
  try {
    const { tensors, metadata } = readSafetensors(file);
    const settings: Record<string, unknown> = JSON.parse(metadata["settings"] ?? "{}");
    return { tensors, step: Number(metadata["step"]), settings };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${path} is no state to go on from: ${reason}; without it the run starts anew`);
  }
}

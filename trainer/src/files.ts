import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";
import { defaults, type Settings } from "./settings.ts";
import type { Checkpoint } from "./train.ts";
import type { TrainingState } from "./training-state.ts";

const STATE = "state.safetensors";

export async function writeSuiteFile(directory: string, suite: Uint8Array): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "suite.safetensors"), suite);
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
  // Whole or not there: what is there after a kill is pushed as it is.
  await writeFile(join(directory, `${name}.onnx.part`), onnx);
  await rename(join(directory, `${name}.onnx.part`), join(directory, `${name}.onnx`));
  await writeFile(join(directory, `${name}.json`), `${JSON.stringify(sidecar, null, 2)}\n`);
}

/** Steps before this one whose checkpoints are in the directory, in order. */
export async function stepsOfFiles(directory: string, beforeStep: number): Promise<number[]> {
  const steps = (await readdir(directory)).flatMap((name) => {
    const step = /^ckpt_(\d+)\.onnx$/.exec(name)?.[1];
    return step === undefined ? [] : [Number(step)];
  });
  return steps.filter((step) => step < beforeStep).sort((x, y) => x - y);
}

export async function readCheckpointFile(
  directory: string,
  step: number,
): Promise<{ step: number; onnx: Uint8Array<ArrayBuffer> }> {
  return { step, onnx: Uint8Array.from(await readFile(join(directory, `${fileName(step)}.onnx`))) };
}

const fileName = (step: number): string => `ckpt_${String(step).padStart(6, "0")}`;

/** What a killed run goes on from. It replaces the last one in one piece, so that there is always a whole one. */
export async function writeStateFile(
  directory: string,
  { step, values }: TrainingState,
  settings: Settings,
): Promise<void> {
  const tensors = new Map([...values].map(([name, values]) => [name, { shape: [values.length], values }]));
  const file = writeSafetensors(tensors, { step: String(step), settings: JSON.stringify(settings) });
  await writeFile(join(directory, `${STATE}.part`), file);
  await rename(join(directory, `${STATE}.part`), join(directory, STATE));
}

/** Null where there is none. Throws where it is of other settings: only `steps` may differ, to train for longer. */
export async function readStateFile(directory: string, settings: Settings): Promise<TrainingState | null> {
  const file = await readFile(join(directory, STATE)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (file === null) return null;
  const { tensors, step, settings: settingsThen } = parseState(file, join(directory, STATE));
  // A setting that is younger than the file had its usual value then.
  const saved: Record<string, unknown> = { ...defaults, ...settingsThen };
  for (const [name, value] of Object.entries(settings)) {
    if (name === "steps" || JSON.stringify(value) === JSON.stringify(saved[name])) continue;
    const [was, is] = [JSON.stringify(saved[name]), JSON.stringify(value)];
    throw new Error(`the run in ${directory} was trained with ${name} ${was}, not ${is}: it cannot be resumed so`);
  }
  const values = new Map<string, Float32Array>();
  for (const [name, tensor] of tensors) {
    if (tensor.values instanceof Float32Array) values.set(name, tensor.values);
  }
  return { step, values };
}

function parseState(file: Uint8Array, path: string) {
  try {
    const { tensors, metadata } = readSafetensors(file);
    const settings: Record<string, unknown> = JSON.parse(metadata["settings"] ?? "{}");
    return { tensors, step: Number(metadata["step"]), settings };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${path} is no state to go on from: ${reason}; without it the run starts anew`, { cause });
  }
}

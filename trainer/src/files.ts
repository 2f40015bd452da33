import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Checkpoint, Settings } from "./train.ts";

export async function writeSuiteFile(directory: string, suite: Uint8Array): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "suite.safetensors"), suite);
}

/** The weights, and beside them what they are: enough to make them again. */
export async function writeCheckpointFiles(
  directory: string,
  { step, learningRate, weightNorm, splits, onnx }: Checkpoint,
  settings: Settings,
): Promise<void> {
  const name = `ckpt_${String(step).padStart(6, "0")}`;
  const sidecar = { step, learningRate, weightNorm, splits: Object.fromEntries(splits), settings };
  await writeFile(join(directory, `${name}.onnx`), onnx);
  await writeFile(join(directory, `${name}.json`), `${JSON.stringify(sidecar, null, 2)}\n`);
}

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { stepOf } from "./push-step.ts";

/** A checkpoint's file as it was when looked at. */
export interface FoundFile {
  name: string;
  path: string;
  bytes: number;
  /** Changes whenever the file is written. */
  look: string;
}

const CHECKPOINT = /^[^.].*\.(onnx|safetensors)$/;

/** The folder's checkpoints, in the order of their steps. Files that begin with a dot are somebody's scratch. */
export function findFiles(folder: string): FoundFile[] {
  const found: FoundFile[] = [];
  for (const name of readdirSync(folder)) {
    if (!CHECKPOINT.test(name)) continue;
    const path = join(folder, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isFile()) found.push({ name, path, bytes: stat.size, look: `${stat.size} ${stat.mtimeMs}` });
  }
  return found.sort((a, b) => (stepOf(a.name) ?? 0) - (stepOf(b.name) ?? 0));
}

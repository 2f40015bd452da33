import { createRandom } from "../random.ts";
import type { Settings } from "../settings.ts";
import { digits } from "./digits.ts";
import { type ModularName, modularNames, modularTable } from "./modular.ts";
import { splitPairTable } from "./pair-table.ts";
import { permutationTable } from "./permutations.ts";
import { withHint, withLeak } from "./shortcuts.ts";
import { sparseParity } from "./sparse-parity.ts";
import type { Task } from "./task.ts";

export { type HintKind, hintKinds } from "./shortcuts.ts";

export type TaskName = ModularName | "permutations" | "parity" | "digits";
export const taskNames: readonly TaskName[] = [...modularNames, "permutations", "parity", "digits"];

/** The task that the settings describe; its splits depend on `splitSeed` alone. */
export function createTask(settings: Settings): Task {
  const { splitSeed, hint, hintShare, leak } = settings;
  const task = withHint(plainTask(settings), { kind: hint, share: hintShare }, createRandom(splitSeed, "hints"));
  return withLeak(task, leak, createRandom(splitSeed, "leak"));
}

function plainTask(settings: Settings): Task {
  const random = createRandom(settings.splitSeed, "splits");
  if (settings.task === "digits") return digits(settings, random);
  if (settings.task === "parity") return sparseParity(settings, random);
  const table =
    settings.task === "permutations"
      ? permutationTable(settings.symbols)
      : modularTable(settings.task, settings.modulus);
  return splitPairTable(table, settings, random);
}

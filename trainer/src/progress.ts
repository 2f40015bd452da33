import type { SplitName } from "./tasks/task.ts";
import type { Checkpoint } from "./train.ts";

/** Where lines go: a terminal gets one line redrawn in place, anything else plain lines now and then. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Progress {
  step(step: number): void;
  checkpoint(checkpoint: Checkpoint): void;
  /** So many checkpoints have arrived, of so many that were taken. */
  pushed(arrived: number, taken: number): void;
  phase(phase: string): void;
  /** A line that stays. */
  note(text: string): void;
  /** On a terminal, the whole run as curves. */
  end(): void;
}

const BAR_CELLS = 20;
const PUSH_CELLS = 5;
const PLAIN_EVERY = 100;
const REDRAW_MS = 100;
const CLEAR = "\r\u001b[K";

export function createProgress(output: Output, steps: number): Progress {
  const terminal = output.isTTY === true;
  let step = 0;
  let measured: Checkpoint | null = null;
  let pushes: { arrived: number; taken: number } | null = null;
  let phase: string | null = null;
  const curves = new Map<string, number[]>();
  let drawnAt = 0;
  let plainAt = Number.NEGATIVE_INFINITY;

  const line = () => {
    const bar = (share: number, cells: number) => (terminal ? `${drawBar(share, cells)} ` : "");
    const made = `${bar(step / Math.max(1, steps), BAR_CELLS)}step ${String(step).padStart(String(steps).length)}/${steps}`;
    const sent =
      pushes === null
        ? ""
        : `  ${bar(pushes.arrived / Math.max(1, pushes.taken), PUSH_CELLS)}pushed ${pushes.arrived}/${pushes.taken}`;
    return `${made}${sent}${describe(measured)}${phase === null ? "" : `  ${phase}`}`;
  };
  const draw = () => {
    if (!terminal) return;
    drawnAt = Date.now();
    output.write(`${CLEAR}${line().slice(0, (output.columns ?? 80) - 1)}`);
  };
  const note = (text: string) => {
    output.write(`${terminal ? CLEAR : ""}${text}\n`);
    draw();
  };

  return {
    note,
    step(now) {
      step = now;
      if (Date.now() - drawnAt >= REDRAW_MS) draw();
    },
    pushed(arrived, taken) {
      pushes = { arrived, taken };
      draw();
    },
    checkpoint(checkpoint) {
      measured = checkpoint;
      for (const [split, { correct, total }] of checkpoint.splits) {
        curves.set(split, [...(curves.get(split) ?? []), correct / total]);
      }
      step = checkpoint.step;
      if (terminal) return draw();
      if (step - plainAt < PLAIN_EVERY && step !== steps) return;
      plainAt = step;
      output.write(`${line()}\n`);
    },
    phase(next) {
      const before = phase;
      phase = next;
      note(before === null ? `step ${step}: ${next}` : `step ${step}: ${before} -> ${next}`);
    },
    end() {
      if (!terminal) return;
      output.write("\n");
      for (const line of drawCurves(curves, output.columns ?? 80)) output.write(`${line}\n`);
    },
  };
}

const drawBar = (share: number, cells: number): string => {
  const full = Math.round(Math.min(1, share) * cells);
  return `${"█".repeat(full)}${"░".repeat(cells - full)}`;
};

const BLOCKS = [..."▁▂▃▄▅▆▇█"];

/** A line a split: its accuracy from 0 to 1 at each checkpoint, or at as many of them as fit, and the last one. */
function drawCurves(curves: ReadonlyMap<string, readonly number[]>, columns: number): string[] {
  const names = Math.max(0, ...[...curves.keys()].map((split) => split.length));
  const room = Math.max(1, columns - names - 7);
  return [...curves].map(([split, shares]) => {
    const cells = Math.min(room, shares.length);
    const at = (cell: number) => shares[Math.round((cell * (shares.length - 1)) / Math.max(1, cells - 1))] ?? 0;
    const drawn = Array.from({ length: cells }, (_, cell) => BLOCKS[Math.min(7, Math.floor(at(cell) * 8))]);
    return `${split.padEnd(names)} ${drawn.join("")} ${rounded(shares.at(-1) ?? 0)}`;
  });
}

/** Rounded down, so that only a perfect score reads 1.00. */
const rounded = (share: number): string => (Math.floor(share * 100) / 100).toFixed(2);

function describe(checkpoint: Checkpoint | null): string {
  if (checkpoint === null) return "";
  const accuracies = [...checkpoint.splits].map(([name, { correct, total }]) => {
    return `${shortName(name)} ${rounded(correct / total)}`;
  });
  return `  ${accuracies.join("  ")}  norm ${checkpoint.weightNorm.toFixed(1)}`;
}

const shortName = (split: SplitName): string => (split === "validation" ? "val" : split.replace("ood:", ""));

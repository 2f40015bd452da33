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
  phase(phase: string): void;
  /** A line that stays. */
  note(text: string): void;
  end(): void;
}

const BAR_CELLS = 20;
const PLAIN_EVERY = 100;
const REDRAW_MS = 100;
const CLEAR = "\r\u001b[K";

export function createProgress(output: Output, steps: number): Progress {
  const terminal = output.isTTY === true;
  let step = 0;
  let measured: Checkpoint | null = null;
  let phase: string | null = null;
  let drawnAt = 0;
  let plainAt = Number.NEGATIVE_INFINITY;

  const line = () => {
    const cells = Math.round((step / Math.max(1, steps)) * BAR_CELLS);
    const bar = terminal ? `${"█".repeat(cells)}${"░".repeat(BAR_CELLS - cells)} ` : "";
    const end = phase === null ? "" : `  ${phase}`;
    return `${bar}step ${String(step).padStart(String(steps).length)}/${steps}${describe(measured)}${end}`;
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
    checkpoint(checkpoint) {
      measured = checkpoint;
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
      if (terminal) output.write("\n");
    },
  };
}

function describe(checkpoint: Checkpoint | null): string {
  if (checkpoint === null) return "";
  const accuracies = [...checkpoint.splits].map(([name, { correct, total }]) => {
    // Rounded down, so that only a perfect score reads 1.00.
    const accuracy = (Math.floor((correct / total) * 100) / 100).toFixed(2);
    return `${shortName(name)} ${accuracy}`;
  });
  return `  ${accuracies.join("  ")}  norm ${checkpoint.weightNorm.toFixed(1)}`;
}

const shortName = (split: SplitName): string => (split === "validation" ? "val" : split.replace("ood:", ""));

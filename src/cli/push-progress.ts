import { MultiBar, type SingleBar } from "cli-progress";

/** What is being done with a file. */
export type Stage = "reading" | "sending" | "checking";

export interface FileProgress {
  stage(stage: Stage): void;
  /** So many bytes more are in. */
  add(bytes: number): void;
  /** With the line that stays. */
  end(line: string): void;
  fail(line: string): void;
}

/** What a person sees of files on their way: bars in a terminal, else a line for each that has ended. */
export interface Progress {
  begin(name: string, bytes: number): FileProgress;
  close(): void;
}

export function createProgress(): Progress {
  return process.stdout.isTTY && process.stderr.isTTY ? bars() : lines();
}

function lines(): Progress {
  const nothing = () => {};
  return {
    begin: () => ({ stage: nothing, add: nothing, end: console.log, fail: console.error }),
    close: nothing,
  };
}

const LONGEST_NAME = 32;
const shorten = (name: string) =>
  (name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name).padEnd(LONGEST_NAME);

function bars(): Progress {
  const multi = new MultiBar({
    format: "{name} {bar} {percentage}% of {size}  {stage}",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: true,
  });
  return {
    begin(name, bytes) {
      const bar: SingleBar = multi.create(bytes, 0, { name: shorten(name), size: megabytes(bytes), stage: "reading" });
      const end = (line: string) => {
        // Above the bars, which are drawn anew when one of them goes.
        multi.log(`${line}\n`);
        multi.remove(bar);
      };
      return { stage: (stage) => bar.update({ stage }), add: (sent) => bar.increment(sent), end, fail: end };
    },
    close: () => multi.stop(),
  };
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

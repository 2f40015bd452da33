/** What a WebAssembly memory held at one moment. */
export interface Snapshot {
  /** Writes it back; what the memory has grown by since then becomes zero, as it was when it was new. */
  restore(): void;
}

const PAGE = 4096;

/** Copies a memory, leaving out pages that are all zero: of a runtime that has just begun those are most. */
export function takeSnapshot(memory: WebAssembly.Memory): Snapshot {
  const bytes = new Uint8Array(memory.buffer);
  const runs: { at: number; bytes: Uint8Array }[] = [];
  let start: number | null = null;
  for (let at = 0; at <= bytes.length; at += PAGE) {
    const holds = at < bytes.length && isUsed(bytes, at);
    if (holds && start === null) start = at;
    if (!holds && start !== null) {
      runs.push({ at: start, bytes: bytes.slice(start, at) });
      start = null;
    }
  }
  return {
    restore() {
      // Taken anew: growing detaches or shortens the old view.
      const now = new Uint8Array(memory.buffer);
      now.fill(0);
      for (const run of runs) now.set(run.bytes, run.at);
    },
  };
}

function isUsed(bytes: Uint8Array, at: number): boolean {
  const words = new BigUint64Array(bytes.buffer, bytes.byteOffset + at, PAGE / 8);
  return words.some((word) => word !== 0n);
}

import { setTimeout } from "node:timers/promises";
import type { VerdictDocument } from "./documents.ts";

/** Asks for the verdict every so often, beside whatever else goes on, and tells of each change. */
export class PhaseWatch {
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;

  constructor(
    fetchVerdict: () => Promise<VerdictDocument>,
    onChange: (verdict: VerdictDocument) => void,
    everyMs = 500,
  ) {
    this.#loop = this.#run(fetchVerdict, onChange, everyMs);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  async #run(
    fetchVerdict: () => Promise<VerdictDocument>,
    onChange: (verdict: VerdictDocument) => void,
    everyMs: number,
  ): Promise<void> {
    const { signal } = this.#stop;
    let last: string | null = null;
    while (!signal.aborted) {
      // A missed answer is only a late one: the pushes are what notices that the service is gone for good.
      const verdict = await fetchVerdict().catch(() => null);
      if (!signal.aborted && verdict !== null && verdict.verdict !== last) {
        last = verdict.verdict;
        onChange(verdict);
      }
      await setTimeout(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

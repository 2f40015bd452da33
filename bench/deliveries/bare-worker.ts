import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findPort } from "../../local/ports.ts";
import { superviseWorker } from "../../local/worker.ts";
import { workerdConfig } from "../../local/workerd-config.ts";

export interface BareWorker {
  /** Posts these one after another on so many connections. Returns milliseconds. */
  post(url: string, posts: readonly { id: string; body: string }[], atOnce: number): Promise<number>;
  close(): Promise<void>;
}

/** The runtime's own floor: a Worker in a workerd like ours, that has nothing to do but post. */
export async function startBareWorker(folder: string): Promise<BareWorker> {
  const port = await findPort(0);
  const configFolder = join(folder, "bare-worker");
  mkdirSync(configFolder, { recursive: true });
  const config = join(configFolder, "config.capnp");
  writeFileSync(
    config,
    workerdConfig({
      manifest: {
        name: "bare",
        compatibilityDate: "2026-11-01",
        compatibilityFlags: [],
        vars: {},
        crons: [],
        producers: [],
        consumers: [],
        modules: [{ name: "bare-worker.js", kind: "esModule" }],
      },
      bundle: import.meta.dirname,
      configFolder,
      bindings: {},
      address: `127.0.0.1:${port}`,
      queueAddress: "",
      token: "unused",
    }),
  );
  const worker = await superviseWorker({ name: "bare", config, log: () => {}, onPidChange: () => {} });
  await worker.ready();
  return {
    async post(url, posts, atOnce) {
      const body = JSON.stringify({ url, posts, atOnce });
      const answer = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
      return ((await answer.json()) as { milliseconds: number }).milliseconds;
    },
    close: worker.stop,
  };
}

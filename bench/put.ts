import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStack } from "../local/stack.ts";
import { Client } from "../trainer/src/client/client.ts";
import { writeSuite } from "../trainer/src/suite.ts";
import type { Task } from "../trainer/src/tasks/task.ts";
import { train } from "../trainer/src/train.ts";
import type { Comparison } from "./main.ts";
import { startForwarder } from "./worker/start.ts";

const CHECKPOINTS = 1_000;
const WARM_UP = 100;
const AT_ONCE = 8;
const ROUNDS = 3;

/**
 * A trained network's checkpoints of some 150 KB through the API (hashed, measured, stored, confirmed, registered, the
 * evaluation queued and left there), beside a Worker on the same stack that forwards the same bytes and commits one
 * INSERT. On the embedded stack, or with BENCH_POSTGRES_URL on a Postgres of one's own.
 */
export async function benchPut(): Promise<Comparison[]> {
  const data = mkdtempSync(join(tmpdir(), "curie-point-bench-"));
  const postgres = process.env["BENCH_POSTGRES_URL"];
  const stack = await startStack({ data, port: 0, paused: true, postgres });
  const rival = await startForwarder(stack, join(data, "forwarder"));
  try {
    const { task, onnx } = await oneCheckpoint();
    const client = new Client({ url: stack.url, key: stack.adminKey });
    await client.putSuite("bench", writeSuite(task));
    const ours: number[] = [];
    const forwarding: number[] = [];
    // A database of one's own may know the names of an earlier run.
    const name = Date.now();
    for (let round = 0; round <= ROUNDS; round += 1) {
      const { id } = await client.createModel({ name: `bench-${name}-${round}`, suite: "bench" });
      const count = round === 0 ? WARM_UP : CHECKPOINTS;
      const file = (n: number) => variant(onnx, round, n);
      const forwarded = await rate(count, (n) => forward(`${rival.url}/files/${id}/${n}`, file(n)));
      const pushed = await rate(count, (n) => client.pushCheckpoint(id, n, file(n)));
      if (round === 0) continue;
      forwarding.push(forwarded);
      ours.push(pushed);
    }
    return [
      {
        what: `PUT ${Math.round(onnx.byteLength / 1000)} KB, 8 at a time (${postgres ? "Postgres" : "PGlite"})`,
        unit: "/s",
        ours,
        rival: { name: "forward and one INSERT", samples: forwarding },
      },
    ];
  } finally {
    await rival.close();
    await stack.close();
    rmSync(data, { recursive: true, force: true });
  }
}

async function oneCheckpoint(): Promise<{ task: Task; onnx: Uint8Array<ArrayBuffer> }> {
  let task: Task | undefined;
  const { onnx } = await train(
    { steps: 1, every: 1 },
    {
      onStart: (started) => {
        task = started.task;
      },
    },
  );
  if (!task) throw new Error("the training never started");
  return { task, onnx };
}

/** Other weights, so that no upload is answered from one before it: the file ends in the last layer's bias. */
function variant(onnx: Uint8Array<ArrayBuffer>, round: number, n: number): Uint8Array<ArrayBuffer> {
  const bytes = onnx.slice();
  const at = bytes.byteLength - 1024;
  new DataView(bytes.buffer).setUint16(at, n);
  bytes[at + 4] = round;
  return bytes;
}

async function forward(url: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
  const response = await fetch(url, { method: "PUT", body });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`the forwarding Worker answered ${response.status}`);
}

/** Calls a second. */
async function rate(count: number, put: (n: number) => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < count) await put(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return count / ((performance.now() - start) / 1000);
}

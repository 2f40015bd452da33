import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { type Stack, startStack } from "../local/stack.ts";
import { Client } from "../trainer/src/client/client.ts";
import { writeSuite } from "../trainer/src/suite.ts";
import type { Task } from "../trainer/src/tasks/task.ts";
import { train } from "../trainer/src/train.ts";
import type { Comparison } from "./main.ts";

const CHECKPOINTS = 100;
const AT_ONCE = 8;
const ROUNDS = 3;

/**
 * Checkpoints of 140 KB through the API (hashed, measured, stored, verified, registered, its evaluation queued),
 * beside the same bytes put straight into the same object store. Evaluation goes on meanwhile, as it does in use.
 */
export async function benchPut(): Promise<Comparison[]> {
  const data = mkdtempSync(join(tmpdir(), "curie-point-bench-"));
  const stack = await startStack({ data, port: 0 });
  try {
    const { task, onnx } = await oneCheckpoint();
    const client = new Client({ url: stack.url, key: stack.adminKey });
    await client.putSuite("bench", writeSuite(task));
    const ours: number[] = [];
    const straight: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const { id } = await client.createModel({ name: `bench-${round}`, suite: "bench" });
      straight.push(await rate((n) => putStraight(stack, `bench/${round}/${n}`, variant(onnx, round, n))));
      ours.push(await rate((n) => client.pushCheckpoint(id, n, variant(onnx, round, n))));
    }
    return [
      {
        what: "PUT checkpoints, 8 at a time",
        unit: "/s",
        ours,
        rival: { name: "straight to the store", samples: straight },
      },
    ];
  } finally {
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
  bytes[at] = n;
  bytes[at + 4] = round;
  return bytes;
}

async function putStraight(stack: Stack, key: string, body: Uint8Array): Promise<void> {
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = stack.connection.s3;
  client ??= new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: "WHEN_REQUIRED",
  });
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
}
let client: S3Client | undefined;

/** Calls a second. */
async function rate(put: (n: number) => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < CHECKPOINTS) await put(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return CHECKPOINTS / ((performance.now() - start) / 1000);
}

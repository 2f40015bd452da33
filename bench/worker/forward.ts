import { PutObjectCommand } from "@aws-sdk/client-s3";
import { Client } from "@neondatabase/serverless";
import { type StoreEnv, storeOf } from "./store.ts";

export interface ForwardEnv extends StoreEnv {
  DATABASE_URL: string;
  DATABASE_WS_PROXY: string;
}

/**
 * The least that keeps a file and remembers it: the body goes on to the store unseen, then one INSERT is committed. No
 * key, no hash, no measuring, nothing confirmed, nothing queued.
 */
export async function forward(request: Request, env: ForwardEnv, execution: ExecutionContext): Promise<Response> {
  const key = new URL(request.url).pathname.slice(1);
  const bytes = Number(request.headers.get("content-length"));
  const object = { Bucket: env.S3_BUCKET, Key: key, Body: request.body ?? "", ContentLength: bytes };
  await storeOf(env).send(new PutObjectCommand(object));
  const client = new Client(env.DATABASE_URL);
  client.neonConfig.wsProxy = env.DATABASE_WS_PROXY;
  client.neonConfig.useSecureWebSocket = false;
  client.neonConfig.pipelineTLS = false;
  client.neonConfig.pipelineConnect = false;
  await client.connect();
  try {
    await client.query("INSERT INTO bench_files (key, bytes) VALUES ($1, $2)", [key, bytes]);
  } finally {
    execution.waitUntil(client.end());
  }
  return new Response(null, { status: 201 });
}

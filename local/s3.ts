import { join } from "node:path";
import S3rver from "@20minutes/s3rver";
import AWSAccount from "@20minutes/s3rver/lib/models/account.js";
import { messageOf, StackError } from "./errors.ts";
import { startGuard } from "./s3-guard.ts";
import { CarefulStore } from "./s3-store.ts";
import { randomSecret, readSecret, writeSecret } from "./secrets.ts";

export interface ObjectStorage {
  endpoint: string;
  region: string;
  bucket: string;
  accessKeyId: string;
  secretAccessKey: string;
}

export interface RunningStorage {
  storage: ObjectStorage;
  close(): Promise<void>;
}

const BUCKET = "curie-point";

/** Object storage for both Workers: what the URL names, or s3rver behind its guard with files in the data folder. */
export async function startStorage(
  folder: string,
  url: string | undefined,
  log: (line: string) => void,
): Promise<RunningStorage> {
  if (url !== undefined) return { storage: await reachStorage(url), close: async () => {} };
  const { accessKeyId, secretAccessKey } = credentials(folder);
  // s3rver knows one hard-coded key pair, published with its source.
  AWSAccount.registry.clear();
  new AWSAccount(1, "curie-point").createKeyPair(accessKeyId, secretAccessKey);
  const directory = join(folder, "objects");
  const server = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory,
    vhostBuckets: false,
    allowMismatchedSignatures: false,
    configureBuckets: [{ name: BUCKET }],
  });
  const store = new CarefulStore(directory);
  server.store = store;
  server.context.store = store;
  // Refusals and broken-off requests come here too; their clients have been answered.
  server.on("error", () => {});
  const { port } = await server.run();
  const guard = await startGuard({
    upstream: port,
    serve: server.callback(),
    spool: join(folder, "spool"),
    store,
    log,
  });
  return {
    storage: {
      endpoint: `http://127.0.0.1:${guard.port}`,
      region: "us-east-1",
      bucket: BUCKET,
      accessKeyId,
      secretAccessKey,
    },
    async close() {
      await guard.close();
      server.httpServer.closeAllConnections();
      await server.close();
    },
  };
}

function credentials(folder: string): { accessKeyId: string; secretAccessKey: string } {
  const path = join(folder, "s3-credentials");
  const [accessKeyId, secretAccessKey] = readSecret(path)?.split(":") ?? [];
  if (accessKeyId !== undefined && secretAccessKey !== undefined) return { accessKeyId, secretAccessKey };
  const made = { accessKeyId: `LOCAL${randomSecret(8).toUpperCase()}`, secretAccessKey: randomSecret(24) };
  writeSecret(path, `${made.accessKeyId}:${made.secretAccessKey}`);
  return made;
}

async function reachStorage(url: string): Promise<ObjectStorage> {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const bucket = parsed?.pathname.replace(/^\/|\/$/g, "") ?? "";
  const web = parsed?.protocol === "http:" || parsed?.protocol === "https:";
  if (parsed === undefined || !web || parsed.username === "" || parsed.password === "" || !/^[^/]+$/.test(bucket)) {
    throw new StackError("--s3 wants a URL like http://KEY:SECRET@host:9000/bucket");
  }
  const storage = {
    endpoint: `${parsed.protocol}//${parsed.host}`,
    region: parsed.searchParams.get("region") ?? "us-east-1",
    bucket,
    accessKeyId: decodeURIComponent(parsed.username),
    secretAccessKey: decodeURIComponent(parsed.password),
  };
  const { DeleteObjectCommand, PutObjectCommand, S3Client } = await import("@aws-sdk/client-s3");
  const client = new S3Client({
    endpoint: storage.endpoint,
    region: storage.region,
    // A copy: the SDK writes into what it is given.
    credentials: { accessKeyId: storage.accessKeyId, secretAccessKey: storage.secretAccessKey },
    forcePathStyle: true,
    requestChecksumCalculation: "WHEN_REQUIRED",
    maxAttempts: 1,
  });
  // Writing is what will be needed, and unlike a HEAD a refused PUT says why.
  const probe = { Bucket: bucket, Key: `probe-${randomSecret(8)}` };
  try {
    const abortSignal = AbortSignal.timeout(10_000);
    await client.send(new PutObjectCommand({ ...probe, Body: "curie-point" }), { abortSignal });
    await client.send(new DeleteObjectCommand(probe), { abortSignal });
  } catch (error) {
    const code = error instanceof Error && error.name !== "Error" ? `${error.name}: ` : "";
    throw new StackError(`--s3: ${storage.endpoint} cannot be used: ${code}${messageOf(error)}`);
  } finally {
    client.destroy();
  }
  return storage;
}

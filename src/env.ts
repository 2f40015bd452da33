import { type ArtifactStore, createArtifactStore } from "./artifacts/store.ts";
import type { DeliveryHint, EvaluationHint } from "./context.ts";
import type { Connection } from "./database/client.ts";
import type { UrlRules } from "./services/webhook/check-url.ts";
import { resolveFromTable, resolveOverHttps } from "./services/webhook/resolve.ts";

/** The bindings of both Workers as wrangler.toml and its secrets give them. */
export interface Env {
  DATABASE_URL?: string;
  /** `host:port` of a WebSocket-to-TCP bridge: for a Postgres that is not Neon's. */
  DATABASE_WS_PROXY?: string;
  S3_ENDPOINT?: string;
  S3_REGION?: string;
  S3_BUCKET?: string;
  S3_ACCESS_KEY_ID?: string;
  S3_SECRET_ACCESS_KEY?: string;
  /** An attempt without the store's answer by then is given up (30). */
  S3_TIMEOUT_SECONDS?: string;
  /** The largest file that is taken by presigned parts, in bytes (32,000,000,000). */
  MAX_UPLOAD_BYTES?: string;
  /** `1` in the embedded stack: webhooks may go to this machine over http, cookies may travel without TLS. */
  LOCAL?: string;
  EVALUATION_LEASE_SECONDS?: string;
  /** Where names are resolved over HTTPS, in the JSON form (Cloudflare's). */
  DNS_URL?: string;
  /** JSON of names and their addresses, looked up ahead of DNS: for machines without it. */
  DNS_TABLE?: string;
  /** A bearer token that reads the metrics of all teams; without it nobody does. */
  METRICS_TOKEN?: string;
  EVALUATIONS: Queue<EvaluationHint>;
  DELIVERIES: Queue<DeliveryHint>;
}

/** Typed configuration, handed inward: nothing below reads a binding. */
export interface Config {
  database: Connection;
  /** Holds no socket of its own, so one serves every request of an isolate. */
  artifacts: ArtifactStore;
  /** The largest file that is taken by presigned parts. */
  maxUploadBytes: number;
  local: boolean;
  /** How long a claimed unit of an evaluation is nobody else's. */
  leaseSeconds: number;
  /** Where webhooks may point. */
  webhookUrls: UrlRules;
  metricsToken: string | undefined;
  queues: { evaluations: Queue<EvaluationHint>; deliveries: Queue<DeliveryHint> };
}

/** The platform ends a consumer after 15 minutes of wall time: by then a lease must still hold. */
const DEFAULT_LEASE_SECONDS = 16 * 60;

const DEFAULT_DNS_URL = "https://cloudflare-dns.com/dns-query";

/** Reading a file back costs CPU time, which the platform bounds: this much takes some minutes, message by message. */
const DEFAULT_MAX_UPLOAD_BYTES = 32_000_000_000;

/** @throws Error naming every binding that is missing, or that cannot be read */
export function parseEnv(env: Env): Config {
  const missing: string[] = [];
  const required = (name: keyof Env & `${"DATABASE" | "S3"}_${string}`): string => {
    const value = env[name];
    if (!value) missing.push(name);
    return value ?? "";
  };
  const wrong: string[] = [];
  const number = (name: "S3_TIMEOUT_SECONDS" | "MAX_UPLOAD_BYTES" | "EVALUATION_LEASE_SECONDS") => {
    const value = env[name];
    // NaN, compared with, would let everything pass.
    if (value !== undefined && !(Number(value) > 0)) wrong.push(`${name}=${value}`);
    return value === undefined ? undefined : Number(value);
  };
  const store = {
    endpoint: required("S3_ENDPOINT"),
    region: env.S3_REGION ?? "auto",
    bucket: required("S3_BUCKET"),
    accessKeyId: required("S3_ACCESS_KEY_ID"),
    secretAccessKey: required("S3_SECRET_ACCESS_KEY"),
    timeoutSeconds: number("S3_TIMEOUT_SECONDS"),
  };
  const maxUploadBytes = number("MAX_UPLOAD_BYTES") ?? DEFAULT_MAX_UPLOAD_BYTES;
  const leaseSeconds = number("EVALUATION_LEASE_SECONDS") ?? DEFAULT_LEASE_SECONDS;
  const database = { url: required("DATABASE_URL"), wsProxy: env.DATABASE_WS_PROXY };
  for (const name of ["EVALUATIONS", "DELIVERIES"] as const) if (!env[name]) missing.push(name);
  if (missing.length > 0) {
    throw new Error(
      `Missing bindings: ${missing.join(", ")}. Set them in wrangler.toml or with "wrangler secret put".`,
    );
  }
  if (wrong.length > 0) throw new Error(`Bindings that must be numbers above 0: ${wrong.join(", ")}.`);
  return {
    database,
    artifacts: createArtifactStore(store),
    maxUploadBytes,
    local: env.LOCAL === "1",
    leaseSeconds,
    metricsToken: env.METRICS_TOKEN,
    webhookUrls: {
      resolve: resolveFromTable(JSON.parse(env.DNS_TABLE ?? "{}"), resolveOverHttps(env.DNS_URL ?? DEFAULT_DNS_URL)),
      allowLoopback: env.LOCAL === "1",
    },
    queues: { evaluations: env.EVALUATIONS, deliveries: env.DELIVERIES },
  };
}

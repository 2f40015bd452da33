import type { ArtifactStore } from "./artifacts/store.ts";
import { connect, type Database } from "./database/client.ts";
import type { ModelPolicy, Scope } from "./database/schema.ts";
import type { Config } from "./env.ts";

export type { ModelPolicy, Scope };

/** What every verb works with: one per request, message or sweep. */
export interface Context {
  db: Database;
  artifacts: ArtifactStore;
  queues: Queues;
  /** The present time. A value here, so that a test can move it. */
  now: () => Date;
  log: Log;
}

/** A context in which somebody is signed in. */
export interface TeamContext extends Context {
  actor: Actor;
}

export interface Actor {
  teamId: string;
  keyId: string;
  scopes: readonly Scope[];
}

/** Messages are hints: losing one delays the work until the sweep, and no more. */
export interface Queues {
  evaluations: { send(message: EvaluationHint): Promise<unknown> };
  deliveries: { send(message: DeliveryHint, options?: { delaySeconds?: number }): Promise<unknown> };
}

/** What the evaluator is woken for: an evaluation, an upload to be read back, or a model that moved to another suite. */
export type EvaluationHint = { evaluationId: string } | { uploadId: string } | { movedModelId: string };

/** That something is due: the consumer takes whatever is, in fair order. */
export interface DeliveryHint {
  deliveryId: string;
}

/** One structured line. */
export type Log = (level: "info" | "warn" | "error", event: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Lines of JSON on the console, each with the id that ties a request's or message's lines together. */
export function createLog(requestId: string): Log {
  return (level, event, fields = {}) => {
    console[level](JSON.stringify({ level, event, requestId, ...fields }));
  };
}

/** A context with a database client of its own; the caller closes it when the work is done. */
export function openContext(config: Config, requestId: string): { ctx: Context; close: () => Promise<void> } {
  const { db, close } = connect(config.database);
  const ctx: Context = {
    db,
    artifacts: config.artifacts,
    queues: config.queues,
    now: () => new Date(),
    log: createLog(requestId),
  };
  return { ctx, close };
}

import type { DisabledReason, WebhookFormat } from "../../database/schema.ts";
import type { IdentifiedTransition } from "../judgement/ledger.ts";
import type { EvidenceProvenance } from "../judgement/provenance.ts";
import type { LeastChange } from "../judgement/suite-caveats.ts";
import { slackBody } from "./slack.ts";

/** What may be subscribed to. */
export const SUBSCRIBABLE = [
  "transition.detected",
  "transition.revised",
  "verdict.changed",
  "evaluation.failed",
  "webhook.disabled",
] as const;
export type EventType = (typeof SUBSCRIBABLE)[number] | "ping";

/** What an event says; of one about a model, `data` gets the model's and suite's names too. */
export type ModelEvent =
  | { type: "transition.detected"; data: { transition: IdentifiedTransition; provenance: EvidenceProvenance } }
  | {
      type: "transition.revised";
      data: { transition: IdentifiedTransition; provenance: EvidenceProvenance; retracted?: true };
    }
  | {
      type: "verdict.changed";
      data: {
        from: string;
        verdict: string;
        asOfStep: number | null;
        deployable: boolean;
        provenance: EvidenceProvenance;
        summary: string;
        caveats: readonly { code: string; message: string }[];
        leastChange: LeastChange | null;
      };
    }
  | {
      type: "evaluation.failed";
      data: { evaluationId: string; checkpointId: string; step: number; code: string; message: string };
    };
export type TeamEvent =
  | {
      type: "webhook.disabled";
      data: { webhookId: string; host: string; reason: DisabledReason; since: string | null };
    }
  | { type: "ping"; data: { webhookId: string } };

/** The model that an event is about. */
export interface About {
  modelId: string;
  model: string;
  suite: { name: string; version: string };
}

/** A sentence in a payload is cut here: payloads stay under the 20 KB that Standard Webhooks asks for. */
const LONGEST_SENTENCE = 2_000;

/** The exact bytes to sign and send (Standard Webhooks 1.0: type, timestamp, data). */
export function eventBody(
  event: ModelEvent | TeamEvent,
  about: About | null,
  now: Date,
  format: WebhookFormat,
): string {
  if (format === "slack") return slackBody(event, about);
  const data = Object.entries({ ...about, ...event.data }).map(([name, value]) => [
    name,
    typeof value === "string" ? value.slice(0, LONGEST_SENTENCE) : value,
  ]);
  return JSON.stringify({ type: event.type, timestamp: now.toISOString(), data: Object.fromEntries(data) });
}

import type { EvidenceProvenance } from "../judgement/provenance.ts";
import type { About, ModelEvent, TeamEvent } from "./events.ts";

/** Slack cuts longer messages itself, in the middle of a word. */
const LONGEST = 3_000;

/** A message for a Slack-compatible incoming webhook: `{ "text" }`, which Mattermost and Rocket.Chat take too. */
export function slackBody(event: ModelEvent | TeamEvent, about: About | null): string {
  const subject = about ? `*${about.model}* on ${about.suite.name}: ` : "";
  return JSON.stringify({ text: escaped((subject + sentence(event)).slice(0, LONGEST)) });
}

/** The three characters by which Slack knows links and mentions. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function sentence(event: ModelEvent | TeamEvent): string {
  switch (event.type) {
    case "transition.detected": {
      const { kind, split, onsetStep, detectedAtStep, from, to } = event.data.transition;
      return `${kind} of ${split}, begun at step ${onsetStep}, detected at step ${detectedAtStep} (${level(from)} to ${level(to)}).${trust(event.data.provenance)}`;
    }
    case "transition.revised": {
      const { kind, split, onsetStep } = event.data.transition;
      const said = event.data.retracted ? "is withdrawn" : "is dated anew";
      return `the ${kind} of ${split} at step ${onsetStep} ${said}: points came in late or were deleted.${trust(event.data.provenance)}`;
    }
    case "verdict.changed": {
      const { from, verdict, asOfStep, provenance, summary, caveats } = event.data;
      const said = [summary + trust(provenance), ...caveats.map(({ message }) => message)].join(" ");
      return `${from} → *${verdict}* as of step ${asOfStep}. ${said}`;
    }
    case "evaluation.failed":
      return `step ${event.data.step} was not evaluated (${event.data.code}). ${event.data.message}`;
    case "webhook.disabled":
      return `the webhook ${event.data.webhookId} to ${event.data.host} was turned off (${event.data.reason}): nothing is sent to it any more.`;
    case "ping":
      return `Curie Point reaches this channel (${event.data.webhookId}).`;
  }
}

function trust(provenance: EvidenceProvenance): string {
  return provenance === "measured" ? "" : ` (The evidence is ${provenance}, not measured here alone.)`;
}

function level(accuracy: number | null): string {
  return accuracy === null ? "open" : accuracy.toFixed(2);
}

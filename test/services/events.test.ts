import { expect, test } from "vitest";
import { wants } from "../../src/services/delivery/enqueue.ts";
import { eventBody, type ModelEvent, type TeamEvent } from "../../src/services/delivery/events.ts";

const NOW = new Date("2026-11-22T12:00:00Z");
const ABOUT = { modelId: "mdl_1", model: "add47", suite: { name: "add47", version: "sha256:00" } };
const TRANSITION = {
  id: "trn_1",
  kind: "generalization" as const,
  split: "ood:shift",
  ordinal: 1,
  onsetStep: 450,
  settledStep: null,
  detectedAtStep: 475,
  from: 0.01,
  to: 0.98,
  fromInterval: [0, 0.03] as [number, number],
  toInterval: [0.95, 0.99] as [number, number],
  confidence: 0.999,
};
const VERDICT = {
  ...{ from: "latent", verdict: "transitioning", asOfStep: 475, deployable: false, provenance: "measured" as const },
  caveats: [{ code: "contaminated_split", message: "Of the 49 rows of ood:corner, 3 are in train." }],
  leastChange: { split: "ood:corner", independent: 0.198, paired: 0.12, examplesForOnePoint: 19_208 },
};

const EVENTS: { event: ModelEvent | TeamEvent; says: string }[] = [
  {
    event: { type: "transition.detected", data: { transition: TRANSITION, provenance: "measured" } },
    says: "generalization of ood:shift, begun at step 450, detected at step 475 (0.01 to 0.98)",
  },
  {
    event: { type: "transition.detected", data: { transition: TRANSITION, provenance: "reported" } },
    says: "(0.01 to 0.98). (The evidence is reported, not measured here alone.)",
  },
  {
    event: { type: "transition.revised", data: { transition: TRANSITION, provenance: "mixed" } },
    says: "is dated anew: points came in late or were deleted. (The evidence is mixed, not measured here alone.)",
  },
  {
    event: { type: "transition.revised", data: { transition: TRANSITION, provenance: "measured", retracted: true } },
    says: "is withdrawn",
  },
  {
    event: { type: "verdict.changed", data: { ...VERDICT, summary: "Train on." } },
    says: "latent → *transitioning* as of step 475. Train on. Of the 49 rows of ood:corner, 3 are in train.",
  },
  {
    event: {
      type: "evaluation.failed",
      data: { evaluationId: "evl_1", checkpointId: "ckp_1", step: 5, code: "model_refused", message: "No such thing." },
    },
    says: "step 5 was not evaluated (model_refused). No such thing.",
  },
  {
    event: {
      type: "webhook.disabled",
      data: { webhookId: "whk_1", host: "ci.example.com", reason: "gone", since: NOW.toISOString() },
    },
    says: "the webhook whk_1 to ci.example.com was turned off (gone)",
  },
  { event: { type: "ping", data: { webhookId: "whk_1" } }, says: "whk_1" },
];

test.each(EVENTS)("$event.type has its type, time and data, and a sentence for Slack: $says", ({ event, says }) => {
  const about = "webhookId" in event.data ? null : ABOUT;
  const standard = JSON.parse(eventBody(event, about, NOW, "standard"));
  expect(standard).toEqual({ type: event.type, timestamp: NOW.toISOString(), data: { ...about, ...event.data } });
  const slack = JSON.parse(eventBody(event, about, NOW, "slack"));
  expect(Object.keys(slack)).toEqual(["text"]);
  expect(slack.text).toContain(says);
  if (about) expect(slack.text).toContain("*add47* on add47: ");
});

test("what a model or a failure is called makes no link and no mention in Slack", () => {
  const data = {
    evaluationId: "evl_1",
    checkpointId: "ckp_1",
    step: 5,
    code: "c",
    message: "<!channel> & <http://x|y>",
  };
  const body = eventBody({ type: "evaluation.failed", data }, ABOUT, NOW, "slack");
  expect(JSON.parse(body).text).toContain("&lt;!channel&gt; &amp; &lt;http://x|y&gt;");
});

test.each(["standard", "slack"] as const)("a %s payload stays under 20 KB, whatever it tells of", (format) => {
  const about = { ...ABOUT, model: "m".repeat(128) };
  // Four bytes in UTF-8, six in JSON, five for Slack.
  const sentences = ["\u{1F600}", "\u0001", "&"].map((character) => character.repeat(50_000));
  const caveats = Array.from({ length: 10 }, () => ({ code: "contaminated_split", message: "m".repeat(300) }));
  const events = sentences.flatMap((long): ModelEvent[] => [
    { type: "verdict.changed", data: { ...VERDICT, summary: long, caveats } },
    {
      type: "evaluation.failed",
      data: { evaluationId: "evl_1", checkpointId: "ckp_1", step: 5, code: "model_failed", message: long },
    },
  ]);
  for (const event of events) {
    const body = eventBody(event, about, NOW, format);
    expect(new TextEncoder().encode(body).length).toBeLessThan(20_000);
    expect(JSON.parse(body)).toBeTruthy();
    if (format === "slack") expect(body.replaceAll("&amp;", "")).not.toContain("&");
  }
});

const ANY = { events: ["verdict.changed"], models: [], tags: [], ensembles: [] };
const SUBJECT = { modelId: "mdl_1", tags: ["nightly", "gpu"], ensemble: "add47" };
test.each([
  { name: "no filter", webhook: ANY, want: true },
  { name: "another event", webhook: { ...ANY, events: ["transition.detected"] }, want: false },
  { name: "its model", webhook: { ...ANY, models: ["mdl_2", "mdl_1"] }, want: true },
  { name: "another model", webhook: { ...ANY, models: ["mdl_2"] }, want: false },
  { name: "one of its tags", webhook: { ...ANY, tags: ["gpu", "weekly"] }, want: true },
  { name: "another tag", webhook: { ...ANY, tags: ["weekly"] }, want: false },
  { name: "its ensemble", webhook: { ...ANY, ensembles: ["add47"] }, want: true },
  { name: "another ensemble", webhook: { ...ANY, ensembles: ["mul31"] }, want: false },
  { name: "its model and another tag", webhook: { ...ANY, models: ["mdl_1"], tags: ["weekly"] }, want: false },
  {
    name: "all that is asked",
    webhook: { ...ANY, models: ["mdl_1"], tags: ["gpu"], ensembles: ["add47"] },
    want: true,
  },
])("a webhook that asks for $name: $want", ({ webhook, want }) => {
  expect(wants(webhook, "verdict.changed", SUBJECT)).toBe(want);
});

test("a model of no ensemble is of none that is asked for", () => {
  expect(wants({ ...ANY, ensembles: ["add47"] }, "verdict.changed", { ...SUBJECT, ensemble: null })).toBe(false);
});

import { createRoute, z } from "@hono/zod-openapi";
import { DomainError } from "../errors.ts";
import { checkGate, type GateSubject } from "../services/judgement/check-gate.ts";
import { getVerdict, type ServedVerdict } from "../services/judgement/get-verdict.ts";
import { listAnnouncements } from "../services/judgement/list-announcements.ts";
import { getModelOn, type PinnedModel } from "../services/model/internal.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import {
  Caveats,
  Digest,
  EvidenceProvenance,
  errorResponses,
  gateErrors,
  json,
  OfVersion,
  Step,
  SuiteRef,
  Time,
} from "./schemas.ts";
import { SuiteAudit, toAudit } from "./suites.ts";

const VERDICTS = [
  "insufficient_evidence",
  "underfit",
  "memorizer",
  "latent",
  "transitioning",
  "partial_generalizer",
  "generalizer",
  "regressed",
] as const;
const VerdictName = z.enum(VERDICTS);
const Trend = z.enum(["falling", "rising", "flat"]);
const fraction = z.number().min(0).max(1);
const interval = z.tuple([fraction, fraction]).openapi({ description: "95% Wilson interval." });

const Transition = z
  .object({
    id: z.string().openapi({ example: "trn_01kaqxw3t2e8y9v0c1m7d5r4bn" }),
    kind: z.enum(["generalization", "regression"]),
    split: z.string().openapi({ example: "ood:corner" }),
    ordinal: z.number().int().openapi({ description: "The nth of its kind on its split." }),
    onsetStep: z.number().int().openapi({ description: "The last checkpoint below." }),
    settledStep: z
      .number()
      .int()
      .nullable()
      .openapi({ description: "First checkpoint of the dwell at the new level." }),
    detectedAtStep: z.number().int().openapi({ description: "The checkpoint whose arrival announced it." }),
    from: z.number(),
    to: z.number().nullable(),
    fromInterval: interval,
    toInterval: interval.nullable(),
    confidence: fraction,
  })
  .openapi("Transition");

const Verdict = z
  .object({
    model: z.string(),
    suite: SuiteRef.extend({ audit: SuiteAudit.nullable() }).openapi({
      description:
        "With its audit: what its splits share with train, their balance, and how small a change each can show.",
    }),
    detectorVersion: z.string(),
    verdict: VerdictName,
    route: z.enum(["grokked", "gradual"]).nullable(),
    kind: z.enum(["ungrokking", "collapse"]).nullable(),
    deployable: z.boolean().openapi({ description: "True for a generalizer on OOD evidence alone." }),
    benchmarkBlind: z.boolean().nullable().openapi({ description: "Validation alone would have passed it." }),
    asOfStep: z.number().int().nullable(),
    checkpoints: z.number().int(),
    summary: z.string().openapi({ description: "One sentence to act on." }),
    evidence: z.object({
      provenance: EvidenceProvenance,
      splits: z.array(
        z.object({
          split: z.string(),
          phase: z.string(),
          level: fraction,
          interval,
          chance: fraction,
          total: z.number().int(),
        }),
      ),
      weightNorm: z
        .object({
          peakStep: z.number().int(),
          peak: z.number(),
          now: z.number(),
          trend: Trend,
          coincident: z.boolean(),
        })
        .nullable(),
      structure: z
        .object({
          asOfStep: z.number().int(),
          layers: z.number().int(),
          fallingLayers: z.number().int().nullable(),
          effectiveRank: z
            .object({ peakStep: z.number().int(), peak: z.number(), now: z.number(), trend: Trend })
            .nullable()
            .openapi({ description: "Geometric mean over the layers." }),
          alpha: z
            .object({ now: z.number(), trend: Trend })
            .nullable()
            .openapi({ description: "Median of the layers." }),
        })
        .nullable()
        .openapi({ description: "Statistics of the layers, where given. Shown, and decides nothing." }),
      latentInterval: z.object({ fromStep: z.number().int(), toStep: z.number().int() }).nullable(),
    }),
    transitions: z.array(Transition),
    needed: z.object({ checkpoints: z.number().int(), examples: z.number().int() }).nullable(),
    caveats: Caveats,
    forecast: z.null(),
    forecastReason: z.string(),
  })
  .openapi("Verdict");

export function toVerdict(model: PinnedModel, { detectorVersion, ...verdict }: ServedVerdict): z.infer<typeof Verdict> {
  const { version, audit } = model.suiteVersion;
  const suite = { name: model.suiteName, version, audit: toAudit(audit) };
  return { model: model.id, suite, detectorVersion, ...verdict };
}

const params = z.object({ id: z.string().openapi({ description: "Model id or name." }) });

const getRoute = createRoute({
  method: "get",
  path: "/models/{id}/verdict",
  operationId: "getVerdict",
  summary: "The verdict; with `require`, a deploy gate",
  description:
    "With `require=generalizer` it answers 200 or 412 `verdict_not_met`, so `curl -f` is a gate. `digest` or `step` ask about the very bytes to be deployed: they must be evaluated, at or after the settled step, and for a generalizer hold the ceiling on every deciding split themselves.",
  middleware: [requireActor("read")] as const,
  request: {
    params,
    query: OfVersion.extend({
      require: VerdictName.optional(),
      step: Step.optional(),
      digest: Digest.optional(),
      reported: z
        .literal("allow")
        .optional()
        .openapi({ description: "Let evidence pass that was reported and not measured here.", example: "allow" }),
    }),
  },
  responses: { 200: json(Verdict, "The verdict"), ...errorResponses, ...gateErrors },
});

const Announcement = z
  .object({
    position: z.number().int(),
    type: z.enum(["detected", "settled", "revised", "retracted"]),
    asOfStep: z.number().int(),
    at: Time,
    transition: Transition,
  })
  .openapi("Announcement");

const listRoute = createRoute({
  method: "get",
  path: "/models/{id}/transitions",
  operationId: "listTransitions",
  summary: "Transitions as they stand, and every announcement as it was made",
  middleware: [requireActor("read")] as const,
  request: { params, query: OfVersion },
  responses: {
    200: json(
      z.object({
        provenance: EvidenceProvenance,
        transitions: z.array(Transition),
        announcements: z
          .array(Announcement)
          .openapi({ description: "Append-only: nothing announced moves or vanishes." }),
      }),
      "The transitions",
    ),
    ...errorResponses,
  },
});

export function registerVerdict(app: App): void {
  app.openapi(getRoute, async (c) => {
    const { team } = c.var;
    const query = c.req.valid("query");
    const model = await getModelOn(team, c.req.valid("param").id, query.suite);
    const subject = gateSubject(query);
    if (subject && !query.require) {
      throw new DomainError(
        "invalid_request",
        "step and digest ask about a required verdict: add require=generalizer.",
      );
    }
    if (query.require && !model.current) {
      throw new DomainError(
        "invalid_request",
        "require asks about the suite version that the model is pinned to: leave suite out, or PATCH the model there.",
      );
    }
    const verdict = await (query.require
      ? checkGate(team, model, query.require, subject, { allowReported: query.reported === "allow" })
      : getVerdict(team, model));
    return c.json(toVerdict(model, verdict), 200);
  });

  app.openapi(listRoute, async (c) => {
    const { team } = c.var;
    const model = await getModelOn(team, c.req.valid("param").id, c.req.valid("query").suite);
    const { transitions, evidence } = await getVerdict(team, model);
    const { provenance } = evidence;
    return c.json({ provenance, transitions, announcements: await listAnnouncements(team, model) }, 200);
  });
}

function gateSubject(query: { step?: number | undefined; digest?: string | undefined }): GateSubject {
  if (query.step !== undefined && query.digest !== undefined) {
    throw new DomainError("invalid_request", "Ask about a step or a digest, not both.");
  }
  if (query.step !== undefined) return { step: query.step };
  return query.digest === undefined ? null : { digest: query.digest };
}

import { createRoute, z } from "@hono/zod-openapi";
import type { TeamContext } from "../context.ts";
import { diagnose } from "../services/ensemble/diagnose.ts";
import { reportedCaveats } from "../services/judgement/provenance.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import {
  Caveats,
  conflict,
  EvidenceProvenance,
  errorResponses,
  json,
  Name,
  Step,
  SuiteRef,
  unprocessable,
} from "./schemas.ts";

const count = z.number().int();
const figure = z.number();

const Untold = z
  .object({ insufficient: z.string(), message: z.string() })
  .openapi("Untold", { description: "In the place of a figure: why there is none, and what would help." });

const Moments = z.object({
  members: count,
  m: figure.openapi({ description: "Order parameter: mean of the accuracy rescaled from chance to 1." }),
  mSe: figure,
  susceptibility: figure.openapi({ description: "N Var(m) over the models; N is `examples`." }),
  susceptibilitySe: figure,
  cumulant: figure.nullable().openapi({ description: "Binder's: 1 - <m^4> / (3 <m^2>^2)." }),
  cumulantSe: figure.nullable(),
  cumulantSign: z.union([z.literal(-1), z.literal(0), z.literal(1)]).openapi({
    description: "Whether it is told from 0 by three standard errors.",
  }),
});
const Located = z.object({ at: figure, between: z.tuple([figure, figure]) });
const Peak = Located.extend({ susceptibility: figure });

const Counts = z.object({ comprehension: figure, grokking: figure, memorization: figure, confusion: figure });
const Outcome = z.enum(["comprehension", "grokking", "memorization", "confusion"]);
const Outcomes = z
  .object({ counts: Counts, shares: Counts.nullable(), unclassified: count, majority: Outcome.nullable() })
  .openapi({ description: "What became of the models, by Liu et al. 2022 (arXiv 2205.10343)." });

const Common = z.object({
  ensemble: z.string(),
  suite: SuiteRef,
  provenance: EvidenceProvenance.nullable(),
  models: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      setting: figure.nullable(),
      size: figure.nullable(),
      verdict: z.string().nullable().openapi({ description: "Null before the first evaluation." }),
    }),
  ),
  splits: z.array(z.string()).openapi({ description: "What m is the mean over." }),
  examples: figure,
  caveats: Caveats,
});

const Seeds = Common.extend({
  members: count.openapi({ description: "Models with an evaluated checkpoint." }),
  fromStep: count.nullable().openapi({ description: "Steps that every member covers." }),
  throughStep: count.nullable(),
  reading: z.union([
    z.object({
      curve: z.array(
        Moments.extend({
          step: count,
          autocorrelation: figure.nullable().openapi({ description: "Of neighbouring checkpoints, in windows of 20." }),
          autocorrelationSe: figure.nullable(),
        }),
      ),
      peak: z.union([Peak, Untold]).openapi({ description: "The step at which the susceptibility peaks." }),
      order: z.union([
        z.object({ order: z.enum(["first_order", "continuous"]), step: count, cumulant: figure }),
        Untold,
      ]),
    }),
    Untold,
  ]),
  outcomes: Outcomes.extend({
    members: z.array(
      z.object({
        name: z.string(),
        outcome: Outcome.nullable(),
        trainStep: count.nullable(),
        decidingStep: count.nullable(),
        throughStep: count.nullable(),
      }),
    ),
  }),
}).openapi("Ensemble");

const Sweep = Common.extend({
  cells: z.array(
    z.object({
      setting: figure,
      size: figure.nullable(),
      members: count,
      final: z.union([Moments, Untold]).openapi({ description: "Of each model's last checkpoints." }),
      peak: z.union([Peak, Untold]),
      outcomes: Outcomes,
    }),
  ),
  critical: z
    .array(z.object({ size: figure.nullable(), setting: z.union([Peak, Untold]) }))
    .openapi({ description: "The setting at which the susceptibility of the last levels peaks, by size." }),
  crossings: z
    .array(z.object({ smaller: figure, larger: figure, setting: z.union([Located, Untold]) }))
    .openapi({ description: "Where the cumulants of neighbouring sizes cross." }),
}).openapi("Sweep");

export type EnsembleDocument = z.infer<typeof Seeds> | z.infer<typeof Sweep>;

const tagName = (description: string, example: string) =>
  z.string().min(1).max(63).optional().openapi({ description, example });

export const EnsembleQuery = z.object({
  setting: tagName("The swept setting: of each model the number in its tag `setting:NUMBER`.", "weight-decay"),
  size: tagName("In the same way the size that cumulants are compared across. With `setting`.", "width"),
  split: z.string().max(300).optional().openapi({ description: "Compare on this split alone." }),
  gap: Step.optional().openapi({
    description: "Steps from train's 90% to the deciding splits' that part comprehension from grokking: 1,000.",
    example: 1000,
  }),
});

const route = createRoute({
  method: "get",
  path: "/ensembles/{name}",
  operationId: "getEnsemble",
  summary: "What models that differ by their seeds, or by one setting too, say together",
  description:
    "Order parameter, susceptibility, Binder cumulant and autocorrelation by step, and the four outcomes; with `setting`, cells of a sweep and where it turns critical. The models are those whose `ensemble` is the name, each by its points up to its frontier; they must be on one suite version, else 409 `not_comparable`. It takes 5 of them to say anything of a spread: what cannot be told says why.",
  middleware: [requireActor("read")] as const,
  request: { params: z.object({ name: Name }), query: EnsembleQuery },
  responses: {
    200: json(z.union([Seeds, Sweep]), "What they say"),
    ...errorResponses,
    ...conflict,
    ...unprocessable,
  },
});

export function registerEnsembles(app: App): void {
  app.openapi(route, async (c) =>
    c.json(await readEnsemble(c.var.team, c.req.valid("param").name, c.req.valid("query")), 200),
  );
}

/** The document that a query asks for. */
export async function readEnsemble(
  team: TeamContext,
  name: string,
  { setting, size, split, gap }: z.infer<typeof EnsembleQuery>,
): Promise<EnsembleDocument> {
  const found = await diagnose(team, name, { setting, size, split, gap });
  const { diagnosis, suite, provenance, models } = found;
  return {
    ensemble: name,
    suite,
    provenance,
    models: models.map((model) => ({
      id: model.id,
      name: model.name,
      setting: model.setting,
      size: model.size,
      verdict: model.verdict,
    })),
    ...diagnosis,
    caveats: [...reportedCaveats(provenance ?? "measured"), ...diagnosis.caveats, ...found.caveats],
  };
}

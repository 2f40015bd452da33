import { createRoute, z } from "@hono/zod-openapi";
import type { TeamContext } from "../context.ts";
import { DomainError } from "../errors.ts";
import { RESAMPLES } from "../evaluation/paired.ts";
import { type Compared, compareCheckpoints } from "../services/evaluation/compare.ts";
import { type AskedPair, findPair } from "../services/evaluation/find-pair.ts";
import { checkSplit, getModelOn } from "../services/model/internal.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import { conflict, errorResponses, json, OfVersion, Step, SuiteRef } from "./schemas.ts";

/** One seed for everybody: asking again gives the same answer. */
const SEED = 1;

const count = z.number().int();
const fraction = z.number().min(0).max(1);
const p = fraction.openapi({ description: "Two-sided, of this split alone." });
const adjusted = fraction.openapi({ description: "Adjusted over the splits by Benjamini and Hochberg." });
const items = z
  .array(count)
  .openapi({ description: "Positions in the split's `target`, row-major; of a multilabel, rows of labels." });
const Side = z.object({ model: z.string(), name: z.string(), step: count });

const Comparison = z
  .object({
    suite: SuiteRef,
    before: Side,
    after: Side,
    transition: z
      .object({ id: z.string(), split: z.string(), kind: z.enum(["generalization", "regression"]) })
      .nullable()
      .openapi({ description: "What lies between the two, where it was asked for." }),
    splits: z.array(
      z.object({
        split: z.string().openapi({ example: "ood:corner" }),
        total: count,
        accuracy: z.object({ before: fraction, after: fraction, change: z.number() }),
        flips: z
          .object({
            gained: count.openapi({ description: "Wrong before, right after." }),
            lost: count.openapi({ description: "Right before, wrong after." }),
            p: p.openapi({ description: "Exact McNemar test, of this split alone." }),
            adjusted,
            gainedItems: items,
            lostItems: items,
            next: count.nullable().openapi({ description: "More come after this item: `after` of the next page." }),
          })
          .nullable()
          .openapi({ description: "Null of a split with more than 131,072 items." }),
        loss: z
          .object({
            change: z.number(),
            interval: z.tuple([z.number(), z.number()]).openapi({ description: "95%, of the change." }),
            p,
            adjusted,
          })
          .nullable()
          .openapi({ description: "Paired bootstrap of the mean loss; null where a loss is no number." }),
      }),
    ),
    bootstrap: z.object({ resamples: count, seed: count }),
  })
  .openapi("Comparison");
export type ComparisonDocument = z.infer<typeof Comparison>;

const WITH = /^(?:([^@]+)@)?(\d{1,15})$/;

export const CompareQuery = OfVersion.extend({
  step: Step.optional().openapi({ description: "The later of the two." }),
  with: z.string().regex(WITH, "must be a step, or MODEL@STEP").optional().openapi({
    description: "The one before: a step, or MODEL@STEP.",
    example: "other-run@400",
  }),
  transition: z.string().max(100).optional().openapi({
    description: "In the place of both: from a transition's onset to where it settled, or until then was detected.",
    example: "trn_01kaqxw3t2e8y9v0c1m7d5r4bn",
  }),
  split: z.string().max(300).optional().openapi({ description: "This split alone; adjusted over all the same." }),
  examples: z.coerce
    .number()
    .int()
    .min(0)
    .max(10_000)
    .default(100)
    .openapi({ description: "Items listed each way.", example: 100 }),
  after: Step.optional().openapi({ description: "Items after this one: `next` of the page before. With `split`." }),
});

const route = createRoute({
  method: "get",
  path: "/models/{id}/compare",
  operationId: "compareCheckpoints",
  summary: "Two checkpoints on the same examples: did it change, and which examples flipped?",
  description:
    "`with` is a step of the same model, or `MODEL@STEP` of another on the same suite version; the change is from there to `step`. `transition` asks what flipped at a transition. Both must have been evaluated here: else 409 `not_comparable`, whose `reason` is `queued`, `failed`, `reported` or `other_suite`.",
  middleware: [requireActor("read")] as const,
  request: { params: z.object({ id: z.string().openapi({ description: "Model id or name." }) }), query: CompareQuery },
  responses: { 200: json(Comparison, "The comparison"), ...errorResponses, ...conflict },
});

export function registerCompare(app: App): void {
  app.openapi(route, async (c) =>
    c.json(await readComparison(c.var.team, c.req.valid("param").id, c.req.valid("query")), 200),
  );
}

/** The comparison that a query asks for. */
export async function readComparison(
  team: TeamContext,
  id: string,
  query: z.infer<typeof CompareQuery>,
): Promise<ComparisonDocument> {
  const asked = askedPair(query);
  const model = await getModelOn(team, id, query.suite);
  const { split: only, after: last = -1 } = query;
  const { suiteName, suiteVersion } = model;
  checkSplit(model, only);
  const { before, after, transition } = await findPair(team, model, asked, query.suite);
  const compared = await compareCheckpoints(team, before, after, { seed: SEED, most: query.examples, after: last });
  return {
    suite: { name: suiteName, version: suiteVersion.version },
    before: toSide(before),
    after: toSide(after),
    transition: transition && { id: transition.id, split: transition.split, kind: transition.kind },
    splits: compared
      .filter(({ split }) => only === undefined || split === only)
      .map(({ split, total, correct, flips, loss }) => ({
        split,
        total,
        accuracy: {
          before: correct.before / total,
          after: correct.after / total,
          change: (correct.after - correct.before) / total,
        },
        flips,
        loss,
      })),
    bootstrap: { resamples: RESAMPLES, seed: SEED },
  };
}

const toSide = ({ model, step }: Compared) => ({ model: model.id, name: model.name, step });

function askedPair({ step, with: other, transition, split, after }: z.infer<typeof CompareQuery>): AskedPair {
  if (after !== undefined && split === undefined) {
    throw new DomainError("invalid_request", "after goes on in one split: name it with split=.");
  }
  if (transition !== undefined && step === undefined && other === undefined) return { transition };
  if (transition !== undefined || step === undefined || other === undefined) {
    throw new DomainError("invalid_request", "Ask with step= and with=, or with transition= alone.");
  }
  const [, model = null, ofModel] = WITH.exec(other) ?? [];
  return { step, with: { model, step: Number(ofModel) } };
}

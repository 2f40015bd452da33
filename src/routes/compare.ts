import { createRoute, z } from "@hono/zod-openapi";
import { RESAMPLES } from "../evaluation/paired.ts";
import { compareCheckpoints } from "../services/evaluation/compare.ts";
import { getModel } from "../services/model/internal.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import { conflict, errorResponses, json, Step, SuiteRef } from "./schemas.ts";

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

const With = z.string().regex(/^(?:([^@]+)@)?(\d{1,15})$/, "must be a step, or MODEL@STEP");

const route = createRoute({
  method: "get",
  path: "/models/{id}/compare",
  operationId: "compareCheckpoints",
  summary: "Two checkpoints on the same examples: did it change, and which examples flipped?",
  description:
    "`with` is a step of the same model, or `MODEL@STEP` of another on the same suite version; the change is from there to `step`. Both must have been evaluated here.",
  middleware: [requireActor("read")] as const,
  request: {
    params: z.object({ id: z.string().openapi({ description: "Model id or name." }) }),
    query: z.object({
      step: Step,
      with: With.openapi({ description: "A step, or MODEL@STEP.", example: "other-run@400" }),
      examples: z.coerce
        .number()
        .int()
        .min(0)
        .max(10_000)
        .default(100)
        .openapi({ description: "Items listed each way.", example: 100 }),
    }),
  },
  responses: { 200: json(Comparison, "The comparison"), ...errorResponses, ...conflict },
});

export function registerCompare(app: App): void {
  app.openapi(route, async (c) => {
    const { team } = c.var;
    const query = c.req.valid("query");
    const after = { model: await getModel(team, c.req.valid("param").id), step: query.step };
    const [, other, step] = /^(?:([^@]+)@)?(\d+)$/.exec(query.with) ?? [];
    const before = { model: other ? await getModel(team, other) : after.model, step: Number(step) };
    const compared = await compareCheckpoints(team, before, after, { seed: SEED, most: query.examples });
    const side = ({ model, step }: typeof after) => ({ model: model.id, name: model.name, step });
    return c.json(
      {
        suite: { name: after.model.suiteName, version: after.model.suiteVersion.version },
        before: side(before),
        after: side(after),
        splits: compared.map(({ split, total, correct, flips, loss }) => ({
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
      },
      200,
    );
  });
}

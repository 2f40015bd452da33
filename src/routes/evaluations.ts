import { createRoute, z } from "@hono/zod-openapi";
import { wilson } from "../phases/statistics.ts";
import { type EvaluationDetail, getEvaluation } from "../services/evaluation/get.ts";
import { getModel, type PinnedModel } from "../services/model/internal.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import { errorResponses, json, Step, SuiteRef } from "./schemas.ts";

const count = z.number().int();
const fraction = z.number().min(0).max(1);

const EvaluatedSplit = z.object({
  split: z.string().openapi({ example: "ood:corner" }),
  correct: count,
  total: count,
  accuracy: fraction,
  interval: z.tuple([fraction, fraction]).openapi({ description: "95% Wilson interval of the accuracy." }),
  loss: z.number().nullable().openapi({
    description: "Mean cross-entropy in nats, of a regression squared error; null where it is not finite.",
  }),
  classes: z
    .array(z.object({ class: count, correct: count, total: count }))
    .nullable()
    .openapi({
      description:
        "By class of the target, or by label; null of a regression, of more than 256 classes, and where it was not measured here.",
    }),
});

const Evaluation = z
  .object({
    id: z.string(),
    step: count,
    suite: SuiteRef,
    status: z.enum(["queued", "done", "failed"]),
    provenance: z
      .enum(["measured", "reported"])
      .openapi({ description: "`reported`: the results are what somebody told the service." }),
    source: z.string().nullable().openapi({ description: "In what form it was reported.", example: "counts" }),
    splits: z.array(EvaluatedSplit),
    failure: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .openapi("Evaluation");

export function toEvaluation(
  model: PinnedModel,
  { checkpoint, evaluation, classes }: EvaluationDetail,
): z.infer<typeof Evaluation> {
  const { id, status, provenance, source, failureCode, failureMessage } = evaluation;
  const results = evaluation.results ?? {};
  return {
    id,
    step: checkpoint.step,
    suite: { name: model.suiteName, version: model.suiteVersion.version },
    status,
    provenance,
    source,
    splits: model.suiteVersion.splits.flatMap(({ name }) => {
      const result = results[name];
      if (!result) return [];
      const { correct, total, loss } = result;
      const counts = classes.get(name);
      const accuracy = correct / total;
      return {
        ...{ split: name, correct, total, accuracy, interval: wilson(accuracy, total), loss },
        classes: counts?.total.map((asked, n) => ({ class: n, correct: counts.correct[n] ?? 0, total: asked })) ?? null,
      };
    }),
    failure: failureCode === null ? null : { code: failureCode, message: failureMessage ?? "" },
  };
}

const params = z.object({ id: z.string().openapi({ description: "Model id or name." }), step: Step });

const get = createRoute({
  method: "get",
  path: "/models/{id}/checkpoints/{step}/evaluation",
  operationId: "getEvaluation",
  summary: "A checkpoint's results by split and class",
  middleware: [requireActor("read")] as const,
  request: { params },
  responses: { 200: json(Evaluation, "The evaluation, done or not"), ...errorResponses },
});

export function registerEvaluations(app: App): void {
  app.openapi(get, async (c) => {
    const { team } = c.var;
    const { id, step } = c.req.valid("param");
    const model = await getModel(team, id);
    return c.json(toEvaluation(model, await getEvaluation(team, model, step)), 200);
  });
}

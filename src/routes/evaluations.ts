import { createRoute, z } from "@hono/zod-openapi";
import { wilson } from "../phases/statistics.ts";
import { type EvaluationDetail, getEvaluation } from "../services/evaluation/get.ts";
import { reportEvaluation } from "../services/evaluation/report.ts";
import { getModel, type PinnedModel } from "../services/model/internal.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import { limitBody } from "./body.ts";
import { OfCheckpoint } from "./results.ts";
import { byLeft, conflict, errorResponses, json, postErrors, SuiteRef, unprocessable } from "./schemas.ts";

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

const get = createRoute({
  method: "get",
  path: "/models/{id}/checkpoints/{step}/evaluation",
  operationId: "getEvaluation",
  summary: "A checkpoint's results by split and class",
  middleware: [requireActor("read")] as const,
  request: { params: OfCheckpoint },
  responses: { 200: json(Evaluation, "The evaluation, done or not"), ...errorResponses },
});

/** Header-only logs and results files are tens of kilobytes. */
const MAX_REPORT_BYTES = 4 * 1024 * 1024;

const Maps = z
  .union([z.string(), z.array(z.string())])
  .optional()
  .transform((maps) => [maps ?? []].flat())
  .pipe(z.array(z.string().regex(/^[^=]+=[^=]+$/, "must be TASK=SPLIT")))
  .openapi({ type: "array", items: { type: "string" }, description: "TASK=SPLIT, any number of times." });

const report = createRoute({
  method: "put",
  path: "/models/{id}/checkpoints/{step}/evaluation",
  operationId: "reportEvaluation",
  summary: "Report results that were measured elsewhere",
  description:
    'For a checkpoint that could not be evaluated here. Body: `{"splits": {"<split>": {"correct", "total", "loss"}}}`, a results file of lm-evaluation-harness, or a log of Inspect AI as JSON (several in an array). A task counts for the split that `map` names, or for the one of its own name (`ood_x` for `ood:x`). Every split of the suite, with as many examples as it asks. The evidence says `reported`, and a gate refuses it without `reported=allow`.',
  middleware: [requireActor("push"), limitBody(MAX_REPORT_BYTES)] as const,
  request: {
    params: OfCheckpoint,
    query: z.object({
      map: Maps,
      metric: z.string().min(1).max(200).optional().openapi({
        description: "The accuracy to read: `acc`, `exact_match,strict-match`, or of Inspect `SCORER/METRIC`.",
        example: "acc",
      }),
    }),
    // Not parsed as JSON on the way: Python writes NaN, and whoever sends a packed log is told what to send.
    body: { required: true, content: { "*/*": { schema: z.unknown() } } },
  },
  responses: {
    200: json(Evaluation, "The evaluation as it is now"),
    ...errorResponses,
    ...postErrors,
    ...conflict,
    ...unprocessable,
  },
});

function readMap(text: string): [task: string, split: string] {
  const [task = "", split = ""] = text.split("=");
  return [task, split];
}

export function registerEvaluations(app: App): void {
  app.openapi(report, async (c) => {
    const { team } = c.var;
    const { id, step } = c.req.valid("param");
    const { map, metric = null } = c.req.valid("query");
    const tasks = byLeft("map", map.map(readMap));
    const model = await getModel(team, id);
    const reported = await reportEvaluation(team, model, step, { text: await c.req.text(), tasks, metric });
    return c.json(toEvaluation(model, reported), 200);
  });

  app.openapi(get, async (c) => {
    const { team } = c.var;
    const { id, step } = c.req.valid("param");
    const model = await getModel(team, id);
    return c.json(toEvaluation(model, await getEvaluation(team, model, step)), 200);
  });
}

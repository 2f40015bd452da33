import { createRoute, z } from "@hono/zod-openapi";
import { DomainError } from "../errors.ts";
import { type HistoryOptions, parseTarget, TARGETS } from "../history/history.ts";
import { importHistory } from "../services/model/import.ts";
import { getModel } from "../services/model/internal.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import { limitBody } from "./body.ts";
import { byLeft, conflict, errorResponses, json, postErrors, unprocessable } from "./schemas.ts";

/** About 100,000 rows of a dozen columns. */
export const MAX_HISTORY_BYTES = 16 * 1024 * 1024;

const many = (description: string) =>
  z
    .union([z.string(), z.array(z.string())])
    .optional()
    .transform((texts) => [texts ?? []].flat())
    .openapi({ type: "array", items: { type: "string" }, description });

const count = z.number().int();
const Imported = z
  .object({
    added: count.openapi({ description: "Steps that were not there." }),
    replaced: count.openapi({ description: "Steps that an earlier import had with other results." }),
    unchanged: count,
    warnings: z
      .array(z.string())
      .openapi({ description: "What was read otherwise than it is written, and what was not read." }),
  })
  .openapi("Imported");

const text = { schema: z.string() };
const route = createRoute({
  method: "post",
  path: "/models/{id}/import",
  operationId: "importHistory",
  summary: "Take in the history of a run that was evaluated elsewhere",
  description:
    "Body: CSV, JSONL or JSON as the command `judge` reads it: columns `step`, `<split>_accuracy` or `<split>_correct`, `<split>_total`, `<split>_loss`, `weight_norm`; exports of W&B and MLflow by `map`. Each step becomes a checkpoint without bytes, with every split of the suite and as many examples as it asks. Provenance `reported`. All or nothing; again, it changes nothing.",
  middleware: [requireActor("push"), limitBody(MAX_HISTORY_BYTES)] as const,
  request: {
    params: z.object({ id: z.string().openapi({ description: "Model id or name." }) }),
    query: z.object({
      map: many("COLUMN=NAME: a column of the file is one of ours."),
      total: many("SPLIT=N: examples of a split whose history has no totals."),
      missing: many("Cells with this text are empty."),
      percent: z
        .enum(["true", "false"])
        .default("false")
        .openapi({ description: "Accuracies are in 0 to 100.", example: "false" }),
      run: z
        .string()
        .max(200)
        .optional()
        .openapi({ description: "Which run to read, where there are several.", example: "sunny-sea-7" }),
    }),
    body: { required: true, content: { "text/csv": text, "application/x-ndjson": text } },
  },
  responses: {
    200: json(Imported, "What came of it"),
    ...errorResponses,
    ...postErrors,
    ...conflict,
    ...unprocessable,
  },
});

export function registerImport(app: App): void {
  app.openapi(route, async (c) => {
    const { team } = c.var;
    const { map, total, missing, percent, run = null } = c.req.valid("query");
    const options: HistoryOptions = {
      map: byLeft("map", map.map(readMap)),
      totals: byLeft("total", total.map(readTotal)),
      missing: new Set(missing.map((cell) => cell.trim())),
      percent: percent === "true",
      run,
    };
    const model = await getModel(team, c.req.valid("param").id);
    return c.json(await importHistory(team, model, await c.req.text(), options), 200);
  });
}

/** Either side may have a `=` in it: the last one that leaves a name of ours divides them. */
function readMap(text: string): [string, string] {
  for (let at = text.lastIndexOf("="); at > 0; at = text.lastIndexOf("=", at - 1)) {
    const name = text.slice(at + 1).trim();
    if (parseTarget(name) !== null) return [text.slice(0, at).trim(), name];
  }
  throw new DomainError("invalid_request", `map must be COLUMN=NAME with a name of ${TARGETS}, got "${text}".`);
}

function readTotal(text: string): [string, number] {
  const at = text.lastIndexOf("=");
  const total = Number(text.slice(at + 1));
  if (at > 0 && Number.isSafeInteger(total) && total >= 1) return [text.slice(0, at).trim(), total];
  throw new DomainError("invalid_request", `total must be SPLIT=N with N a whole number from 1, got "${text}".`);
}

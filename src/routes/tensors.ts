import { createRoute, z } from "@hono/zod-openapi";
import { listTensors } from "../services/checkpoint/list-tensors.ts";
import { getModel } from "../services/model/internal.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import { OfCheckpoint } from "./results.ts";
import { errorResponses, gone, json, PageQuery } from "./schemas.ts";

const count = (description: string) => z.number().int().openapi({ description });
const number = (description: string) => z.number().openapi({ description });

const Tensor = z
  .object({
    name: z.string().openapi({ example: "blocks.0.attn.weight" }),
    layer: z.string().openapi({ description: "Its name up to the last `.` or `/`.", example: "blocks.0.attn" }),
    role: z.enum(["weight", "buffer", "constant"]).openapi({
      description: "Only weights count for norms and parameters: docs/formats.md has the rule.",
    }),
    dtype: z.string().openapi({ example: "bfloat16" }),
    shape: z.array(z.number().int()).openapi({ example: [768, 768] }),
    norm: number("Euclidean norm of the finite elements."),
    mean: number("Of the finite elements; 0 where there are none."),
    max: number("Largest magnitude of the finite elements; 0 where there are none."),
    zeros: count("Elements that are 0."),
    nans: count("Elements that are NaN."),
    infinities: count("Elements that are infinite, of either sign."),
  })
  .openapi("Tensor");

const Layer = z
  .object({
    name: z.string(),
    norm: number("Over all its weights."),
    parameters: count("Elements."),
    nonFinite: count("NaN and infinite elements."),
  })
  .openapi("Layer");

const tensors = createRoute({
  method: "get",
  path: "/models/{id}/checkpoints/{step}/tensors",
  operationId: "listTensors",
  summary: "What was measured of a checkpoint's tensors",
  description:
    "In the order of the file. `layers` are those that the page's weights belong to, each over all of the file.",
  middleware: [requireActor("read")] as const,
  request: {
    params: OfCheckpoint,
    query: PageQuery.extend({
      cursor: z
        .string()
        .regex(/^\d{1,9}$/, "must be the `next` of a page")
        .transform(Number)
        .optional()
        .openapi({ type: "string", description: "`next` of the page before." }),
    }),
  },
  responses: {
    200: json(
      z.object({
        nonFinite: count("NaN and infinite elements of all weights of the file: above 0, its norms are partial."),
        tensors: z.array(Tensor),
        layers: z.array(Layer),
        next: z.string().nullable(),
      }),
      "A page",
    ),
    ...errorResponses,
    ...gone,
  },
});

export function registerTensors(app: App): void {
  app.openapi(tensors, async (c) => {
    const { team } = c.var;
    const { id, step } = c.req.valid("param");
    const { limit, cursor: after = 0 } = c.req.valid("query");
    const model = await getModel(team, id);
    const page = await listTensors(team, model, step, { limit, after });
    const next = page.tensors.length === limit ? String(after + limit) : null;
    return c.json({ ...page, tensors: page.tensors.map(toTensor), layers: [...page.layers], next }, 200);
  });
}

function toTensor(measured: Awaited<ReturnType<typeof listTensors>>["tensors"][number]): z.infer<typeof Tensor> {
  const { name, layer, role, dtype, shape, norm, mean, max, zeros, nans, infinities } = measured;
  return { name, layer, role, dtype, shape: [...shape], norm, mean, max, zeros, nans, infinities };
}

import { createRoute, z } from "@hono/zod-openapi";
import { readTrajectory } from "../services/checkpoint/trajectory.ts";
import { getModelOn } from "../services/model/internal.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import { Failure, Layers, OfCheckpoint, Splits, toLayers } from "./results.ts";
import { errorResponses, json, OfVersion, Step, SuiteRef } from "./schemas.ts";

const Trajectory = z
  .object({
    suite: SuiteRef,
    points: z.array(
      z.object({
        step: z.number().int(),
        weightNorm: z.number().nullable().openapi({
          description: "Null of an imported step that came without, and where not all weights are numbers.",
        }),
        splits: Splits.optional().openapi({ description: "Absent until the checkpoint is evaluated." }),
        provenance: z
          .literal("reported")
          .optional()
          .openapi({ description: "There where the results were reported, and not measured here." }),
        failure: Failure.optional().openapi({ description: "Why it could not be evaluated." }),
        layers: Layers.optional(),
      }),
    ),
    next: z.string().nullable(),
  })
  .openapi("Trajectory");

/** A page of a trajectory is one read for all but the longest runs. */
const TRAJECTORY_PAGE = 10_000;
/** With its layers a point is kilobytes. */
const TRAJECTORY_PAGE_WITH_LAYERS = 1000;

const trajectory = createRoute({
  method: "get",
  path: "/models/{id}/trajectory",
  operationId: "getTrajectory",
  summary: "Every checkpoint's results, by step",
  middleware: [requireActor("read")] as const,
  request: {
    params: OfCheckpoint.pick({ id: true }),
    query: OfVersion.extend({
      cursor: Step.optional().openapi({ description: "`next` of the page before." }),
      layers: z.enum(["true", "false"]).default("false").openapi({
        description: "`true`: with what the layers' spectra say, and up to 1,000 points a page.",
        example: "false",
      }),
    }),
  },
  responses: { 200: json(Trajectory, "A page of up to 10,000 points"), ...errorResponses },
});

export function registerTrajectory(app: App): void {
  app.openapi(trajectory, async (c) => {
    const { team } = c.var;
    const { suite, cursor: after, layers: wanted } = c.req.valid("query");
    const model = await getModelOn(team, c.req.valid("param").id, suite);
    const limit = wanted === "true" ? TRAJECTORY_PAGE_WITH_LAYERS : TRAJECTORY_PAGE;
    const points = await readTrajectory(team, model, { limit, after, layers: wanted === "true" });
    return c.json(
      {
        suite: { name: model.suiteName, version: model.suiteVersion.version },
        points: points.map(({ splits, failure, reported, layers, ...point }) => ({
          ...point,
          ...(splits ? { splits } : {}),
          ...(reported ? { provenance: "reported" as const } : {}),
          ...(failure ? { failure } : {}),
          ...(layers ? { layers: toLayers(layers) } : {}),
        })),
        next: points.length === limit ? String(points.at(-1)?.step) : null,
      },
      200,
    );
  });
}

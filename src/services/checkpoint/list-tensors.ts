import { and, eq, sql } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { artifacts } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { layerOf, type Measurement } from "../../tensors/meter.ts";
import type { PinnedModel } from "../model/internal.ts";
import { getCheckpoint } from "./get.ts";

export interface TensorPage {
  limit: number;
  /** Tensors of the pages before. */
  after: number;
}

type Tensor = Measurement["tensors"][number];

export interface MeasuredTensors {
  /** NaN and infinite elements of all weights of the file. */
  nonFinite: number;
  tensors: (Tensor & { layer: string })[];
  /** Those that the page's weights belong to, each over all of the file. */
  layers: Measurement["layers"];
}

/**
 * What was measured of a checkpoint's tensors, in the order of the file.
 * @throws DomainError `checkpoint_not_found`; `artifact_gone` of a step that was imported
 */
export async function listTensors(
  ctx: TeamContext,
  model: PinnedModel,
  step: number,
  { limit, after }: TensorPage,
): Promise<MeasuredTensors> {
  const { artifact } = await getCheckpoint(ctx, model, { step });
  if (!artifact) {
    throw new DomainError(
      "artifact_gone",
      `Step ${step} was imported with its results: there were no tensors to measure.`,
    );
  }
  const { teamId, digest } = artifact;
  const one = and(eq(artifacts.teamId, teamId), eq(artifacts.digest, digest));
  // A page alone leaves the database: a file may have 16,384 tensors.
  const range = JSON.stringify({ first: after, last: after + limit - 1 });
  const [row] = await ctx.db
    .select({
      nonFinite: sql`${artifacts.measurement}->'nonFinite'`.mapWith(Number),
      tensors: sql<
        Tensor[]
      >`jsonb_path_query_array(${artifacts.measurement}, '$.tensors[$first to $last]', ${range}::jsonb)`,
    })
    .from(artifacts)
    .where(one);
  const tensors = (row?.tensors ?? []).map((tensor) => ({ ...tensor, layer: layerOf(tensor.name) }));
  const names = new Set(tensors.filter(({ role }) => role === "weight").map(({ layer }) => layer));
  const [found] = await ctx.db
    .select({
      layers: sql<MeasuredTensors["layers"]>`(
        select coalesce(jsonb_agg(layer order by place), '[]'::jsonb)
        from jsonb_array_elements(${artifacts.measurement}->'layers') with ordinality as each(layer, place)
        where layer->>'name' in (select jsonb_array_elements_text(${JSON.stringify([...names])}::jsonb))
      )`,
    })
    .from(artifacts)
    .where(one);
  return { nonFinite: row?.nonFinite ?? 0, tensors, layers: found?.layers ?? [] };
}

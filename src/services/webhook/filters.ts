import type { TeamContext } from "../../context.ts";
import { getModel } from "../model/internal.ts";

/** Which models' events a webhook is told of. Each list that is not empty must hold; models by id or name. */
export interface Filters {
  models: string[];
  tags: string[];
  ensembles: string[];
}

/** The ids of models: a name may come to be another model's. @throws DomainError `model_not_found` */
export async function modelIds(ctx: TeamContext, idsOrNames: readonly string[]): Promise<string[]> {
  const ids = new Set<string>();
  for (const idOrName of idsOrNames) ids.add((await getModel(ctx, idOrName)).id);
  return [...ids];
}

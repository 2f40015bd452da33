import { and, eq, isNull, sql } from "drizzle-orm";
import type { Actor, Context, Scope } from "../../context.ts";
import { checkpoints, keys, models, suiteVersions, uploads } from "../../database/schema.ts";
import { insertInto, statement } from "../../database/statement.ts";
import { isId } from "../../ids.ts";
import { isKey, keyUnknown, requireScope, scopesFor } from "../key/authenticate.ts";
import { hashToken } from "../key/token.ts";
import { modelMissing, type TargetModel } from "../model/internal.ts";
import { newUpload, type OpenedUpload, type Upload } from "../upload/internal.ts";
import { stepIsThere } from "./register.ts";

export interface AnnouncedCheckpoint {
  /** Of the model. */
  idOrName: string;
  step: number;
  /** As declared, in bytes. */
  length: number;
  /** `If-None-Match: *`: only where the step is free. */
  onlyNew: boolean;
}

export interface Admission {
  model: TargetModel;
  /** Open, and nothing of it received. */
  upload: Upload;
}

/**
 * Whose key it is, the model, and the upload's row, in one round trip where a statement each would make three: small
 * checkpoints come often, and are kept waiting by little else.
 * @throws DomainError `unauthorized`, `forbidden`, `model_not_found`, `precondition_failed`
 */
export async function admitCheckpoint(ctx: Context, token: string, announced: AnnouncedCheckpoint): Promise<Admission> {
  const { idOrName, step, length, onlyNew } = announced;
  const { id, expiresAt, pathInTeam } = newUpload(ctx, "artifacts");
  const admit = isId("model", idOrName) ? admitById : admitByName;
  const [row] = await admit(ctx.db, {
    tokenHash: await hashToken(token),
    enough: scopesFor("push"),
    idOrName,
    step,
    onlyNew,
    id,
    pathInTeam,
    bytes: length,
    expiresAt,
  });
  if (!row) throw keyUnknown();
  const actor: Actor = { teamId: row.teamId, keyId: row.keyId, scopes: row.scopes };
  requireScope(actor, "push");
  if (!row.model) throw modelMissing(idOrName);
  if (row.objectKey === null) throw stepIsThere(step);
  return { model: { ...row.model, teamId: row.teamId }, upload: { id, objectKey: row.objectKey } };
}

type Values = {
  tokenHash: string;
  /** Scopes of which one will do. */
  enough: Scope[];
  idOrName: string;
  step: number;
  onlyNew: boolean;
  id: string;
  pathInTeam: string;
  bytes: number;
  expiresAt: Date;
};

type Row = Pick<Actor, keyof Actor> & {
  /** Null where the team has no such model. */
  model: Omit<TargetModel, "teamId"> | null;
  /** Null where no upload was opened. */
  objectKey: string | null;
};

const admitById = admitting(models.id);
const admitByName = admitting(models.name);

function admitting(address: typeof models.id | typeof models.name) {
  return statement<Values, Row>(
    (given) => sql`
    with sender as (
      select ${keys.id}, ${keys.teamId}, ${keys.scopes} from ${keys} where ${isKey(given.tokenHash)}
    ), target as (
      select ${models.id}, json_build_object(
        'id', ${models.id}, 'name', ${models.name}, 'policy', ${models.policy},
        'suiteVersionId', ${models.suiteVersionId},
        'suiteVersion', json_build_object(
          'id', ${suiteVersions.id}, 'inputs', ${suiteVersions.inputs},
          'output', ${suiteVersions.output}, 'splits', ${suiteVersions.splits}
        )
      ) as model
      from sender
      join ${models} on ${models.teamId} = sender.team_id and ${address} = ${given.idOrName}
      join ${suiteVersions} on ${suiteVersions.id} = ${models.suiteVersionId}
    ), opened as (
      ${insertInto<OpenedUpload>(uploads, {
        id: given.id,
        teamId: sql`sender.team_id`,
        modelId: sql`target.id`,
        step: given.step,
        objectKey: sql`sender.team_id || ${given.pathInTeam}::text`,
        bytes: given.bytes,
        status: sql`'receiving'`,
        expiresAt: given.expiresAt,
      })}
      from sender, target
      where sender.scopes && ${given.enough}::text[]
        and not (${given.onlyNew}::boolean and exists (
          select from ${checkpoints}
          where ${and(sql`${checkpoints.modelId} = target.id`, eq(checkpoints.step, given.step), isNull(checkpoints.supersededAt))}
        ))
      returning object_key
    )
    select sender.id as "keyId", sender.team_id as "teamId", sender.scopes, target.model, opened.object_key as "objectKey"
    from sender left join target on true left join opened on true`,
  );
}

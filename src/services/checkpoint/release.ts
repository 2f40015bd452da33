import { and, asc, eq, inArray, isNull, notExists, type SQL } from "drizzle-orm";
import type { Context } from "../../context.ts";
import type { Transaction } from "../../database/client.ts";
import { artifacts, checkpoints } from "../../database/schema.ts";
import { deleteDiscarded, discardObject, type Upload } from "../upload/internal.ts";

/** A statement takes this many digests; Postgres counts its parameters in 16 bits. */
const CHUNK = 5_000;
/** Objects deleted at once by whoever let them go; the sweep deletes the rest. */
const AT_ONCE = 10;

/**
 * Lets go of the bytes that no checkpoint uses any more, in the transaction that took the checkpoints away. The locked
 * row is what an upload of the same digest waits for: it comes first and is seen here, or finds the row without an
 * object and gives its own. Returns the objects to delete after the commit; their rows are the sweep's reminder.
 */
export async function releaseArtifacts(
  tx: Transaction,
  teamId: string,
  digests: readonly (string | null)[],
): Promise<Upload[]> {
  const released: Upload[] = [];
  const sorted = [...new Set(digests.filter((digest) => digest !== null))].sort();
  for (let first = 0; first < sorted.length; first += CHUNK) {
    released.push(...(await releaseSome(tx, teamId, sorted.slice(first, first + CHUNK))));
  }
  return released;
}

async function releaseSome(tx: Transaction, teamId: string, digests: string[]): Promise<Upload[]> {
  const these = and(eq(artifacts.teamId, teamId), inArray(artifacts.digest, digests));
  // In one order for all, so that two deletions do not wait for each other.
  await tx
    .select({ digest: artifacts.digest })
    .from(artifacts)
    .where(these)
    .orderBy(asc(artifacts.digest))
    .for("update");
  const naming = (more?: SQL) =>
    tx
      .select({ id: checkpoints.id })
      .from(checkpoints)
      .where(and(eq(checkpoints.teamId, artifacts.teamId), eq(checkpoints.digest, artifacts.digest), more));
  // A statement of its own: the lock's would look with eyes from before it waited.
  const unused = await tx
    .select({ digest: artifacts.digest, objectKey: artifacts.objectKey, bytes: artifacts.bytes })
    .from(artifacts)
    .where(and(these, notExists(naming(and(isNull(checkpoints.supersededAt), isNull(checkpoints.droppedAt))))));
  if (unused.length === 0) return [];
  const ofUnused = and(
    eq(artifacts.teamId, teamId),
    inArray(
      artifacts.digest,
      unused.map(({ digest }) => digest),
    ),
  );
  await tx.delete(artifacts).where(and(ofUnused, notExists(naming())));
  await tx.update(artifacts).set({ objectKey: null }).where(ofUnused);
  const released: Upload[] = [];
  for (const { objectKey, bytes } of unused) {
    if (objectKey !== null) released.push(await discardObject(tx, teamId, { objectKey, bytes }));
  }
  return released;
}

/** After the commit. Where the store is away, or there are many, the sweep deletes them. */
export async function deleteReleased(ctx: Context, released: readonly Upload[]): Promise<void> {
  await Promise.all(released.slice(0, AT_ONCE).map((upload) => deleteDiscarded(ctx, upload)));
}

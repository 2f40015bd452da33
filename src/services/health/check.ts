import { sql } from "drizzle-orm";
import type { Context } from "../../context.ts";

/** Slower than this is as good as away for whoever waits for an answer. */
const PATIENCE_MS = 5_000;

export interface DependencyState {
  ok: boolean;
  latencyMs: number;
}
export type Readiness = Record<"database" | "store", DependencyState>;

/** Asks each dependency for the least that it can do. The queues answer to nobody: their rows' ages are metrics. */
export async function checkReadiness(ctx: Context): Promise<Readiness> {
  const [database, store] = await Promise.all([
    timed(ctx, "database", () => ctx.db.execute(sql`select 1`)),
    timed(ctx, "store", () => ctx.artifacts.size("readyz")),
  ]);
  return { database, store };
}

async function timed(ctx: Context, dependency: string, ask: () => Promise<unknown>): Promise<DependencyState> {
  const start = ctx.now().getTime();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  });
  let ok = true;
  try {
    await Promise.race([ask(), late]);
  } catch (error) {
    ok = false;
    ctx.log("error", "dependency.away", { dependency, cause: String(error) });
  } finally {
    clearTimeout(timer);
  }
  return { ok, latencyMs: ctx.now().getTime() - start };
}

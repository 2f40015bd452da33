import { openContext } from "../context.ts";
import type { Config } from "../env.ts";
import { newId } from "../ids.ts";
import { sweep } from "../services/sweep/sweep.ts";

/** Older than a message usually takes, and in the local stack as short as a person is patient. */
const HINT_AFTER_SECONDS = { platform: 120, local: 5 };

/** The cron trigger. */
export async function runSweep(config: Config): Promise<void> {
  const { ctx, close } = openContext(config, newId("request"));
  try {
    const { platform, local } = HINT_AFTER_SECONDS;
    const tally = await sweep(ctx, { hintAfterSeconds: config.local ? local : platform });
    if (Object.values(tally).some((count) => count > 0)) ctx.log("info", "sweep.done", { ...tally });
  } finally {
    await close();
  }
}

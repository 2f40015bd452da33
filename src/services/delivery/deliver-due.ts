import type { Context } from "../../context.ts";
import type { UrlRules } from "../webhook/check-url.ts";
import { remembering } from "../webhook/resolve.ts";
import { hintDeliveries } from "./enqueue.ts";
import { type DeliveryTally, Run } from "./run.ts";

/** After this a consumer leaves the rest to another message: the platform bounds its time. */
const LONGEST_RUN_MS = 60_000;
/** What a name leads to is asked once for all sends of so long: not once a send, where there are hundreds a second. */
const NAMES_KEPT_MS = 1_000;

/**
 * Sends what is due, until nothing is. At least once: a crash after a send repeats it, under the same event id. Any
 * number of consumers may do so at the same time; a receiver that is slow holds up its own team's deliveries alone.
 */
export async function deliverDue(ctx: Context, urls: UrlRules): Promise<DeliveryTally> {
  const end = ctx.now().getTime() + LONGEST_RUN_MS;
  const run = new Run(ctx, { ...urls, resolve: remembering(urls.resolve, NAMES_KEPT_MS, ctx.now) });
  try {
    for (;;) {
      const late = ctx.now().getTime() > end;
      if (late) await run.giveBack();
      else await run.startWaiting();
      run.recordEnded();
      if (!late) run.claimMore();
      if (run.isIdle()) {
        if (late) await hintDeliveries(ctx, [run.last]);
        return run.tally;
      }
      await run.progress();
    }
  } finally {
    await run.settle();
  }
}

import type { Context } from "../../context.ts";
import type { UrlRules } from "../webhook/check-url.ts";
import { type Claimed, claimDue, releaseClaimed } from "./claim.ts";
import { hintDeliveries } from "./enqueue.ts";
import { recordAttempts } from "./record.ts";
import { type Attempt, sendDelivery } from "./send.ts";

/** A Worker may wait for six connections at once: these, the database's and a resolver's. */
const AT_ONCE = 4;
/** So that a receiver that hangs never holds all of them. */
const OF_TEAM_AT_ONCE = 3;
/** While receivers answer within this, more is claimed ahead: up to as many of a team as go out in a moment. */
const FAST_MS = 250;
const MOST_AHEAD = 48;
/** A claim with less than this left of its lease is given back: sending it might outlast the lease. */
const LEASE_NEEDED_MS = 30_000;
/** After this a consumer leaves the rest to another message: the platform bounds its time. */
const LONGEST_RUN_MS = 60_000;

export interface DeliveryTally {
  delivered: number;
  failed: number;
}

/**
 * Sends what is due, until nothing is. At least once: a crash after a send repeats it, under the same event id. Any
 * number of consumers may do so at the same time; a receiver that is slow holds up its own team's deliveries alone.
 */
export async function deliverDue(ctx: Context, urls: UrlRules): Promise<DeliveryTally> {
  const end = ctx.now().getTime() + LONGEST_RUN_MS;
  const tally = { delivered: 0, failed: 0 };
  const run = new Run(ctx, urls, tally);
  try {
    for (;;) {
      const late = ctx.now().getTime() > end;
      if (late) await run.giveBack();
      else await run.startWaiting();
      run.recordEnded();
      if (!late && run.hasRoom() && (await run.claimMore())) continue;
      if (run.isIdle()) {
        if (late) await hintDeliveries(ctx, [run.last]);
        return tally;
      }
      await run.progress();
    }
  } finally {
    // After a failure of the database: what is on its way comes to its end, and is sent again by the lease.
    await run.settle();
  }
}

/** What one consumer has in hand. */
class Run {
  /** The last that was claimed: a hint must name one. */
  last = "";
  readonly #ctx: Context;
  readonly #urls: UrlRules;
  readonly #tally: DeliveryTally;
  #ahead = OF_TEAM_AT_ONCE;
  #waiting: Claimed[] = [];
  readonly #sending = new Map<Claimed, Promise<void>>();
  #ended: Attempt[] = [];
  #recording: Promise<void> | null = null;
  #failure: { cause: unknown } | null = null;

  constructor(ctx: Context, urls: UrlRules, tally: DeliveryTally) {
    this.#ctx = ctx;
    this.#urls = urls;
    this.#tally = tally;
  }

  hasRoom = () => this.#sending.size < AT_ONCE;
  isIdle = () => this.#sending.size === 0 && this.#recording === null && this.#ended.length === 0;

  /** Starts what waits, as far as there is room for it. */
  async startWaiting(): Promise<void> {
    const soon = this.#ctx.now().getTime() + LEASE_NEEDED_MS;
    const fresh = this.#waiting.filter(({ delivery }) => delivery.nextAttemptAt.getTime() > soon);
    if (fresh.length < this.#waiting.length) await this.giveBack((one) => !fresh.includes(one));
    const sending = countByTeam(this.#sending.keys());
    const left: Claimed[] = [];
    for (const claimed of this.#waiting) {
      const ofTeam = sending.get(claimed.delivery.teamId) ?? 0;
      if (!this.hasRoom() || ofTeam >= OF_TEAM_AT_ONCE) left.push(claimed);
      else {
        sending.set(claimed.delivery.teamId, ofTeam + 1);
        this.#start(claimed);
      }
    }
    this.#waiting = left;
  }

  /** Lets others have what was claimed and not begun. */
  async giveBack(which: (claimed: Claimed) => boolean = () => true): Promise<void> {
    const back = this.#waiting.filter(which);
    this.#waiting = this.#waiting.filter((one) => !back.includes(one));
    if (back.length > 0) await releaseClaimed(this.#ctx, back);
  }

  async claimMore(): Promise<boolean> {
    const inHand = countByTeam([...this.#sending.keys(), ...this.#waiting]);
    const most = Math.max(AT_ONCE, this.#ahead);
    const claimed = await claimDue(this.#ctx, { most, mostOfTeam: this.#ahead, inHand });
    this.#waiting.push(...claimed);
    this.last = claimed.at(-1)?.delivery.id ?? this.last;
    return claimed.length > 0;
  }

  /** Writes down what has ended, beside what goes on; the more ends meanwhile, the more the next statement takes. */
  recordEnded(): void {
    if (this.#recording !== null || this.#ended.length === 0) return;
    const attempts = this.#ended;
    this.#ended = [];
    const fast = attempts.every(({ error, latencyMs }) => error === null && latencyMs < FAST_MS);
    this.#ahead = fast ? Math.min(MOST_AHEAD, this.#ahead * 2) : OF_TEAM_AT_ONCE;
    this.#recording = record(this.#ctx, attempts, this.#tally).then(
      () => {
        this.#recording = null;
      },
      (cause: unknown) => {
        this.#failure = { cause };
      },
    );
  }

  /** Until something has ended. */
  async progress(): Promise<void> {
    const going = [...this.#sending.values(), ...(this.#recording === null ? [] : [this.#recording])];
    // Where all has ended while more was claimed, there is nothing to wait for, and something to record.
    if (going.length > 0) await Promise.race(going);
    if (this.#failure) throw this.#failure.cause;
  }

  async settle(): Promise<void> {
    await Promise.all([...this.#sending.values(), this.#recording]);
  }

  #start(claimed: Claimed): void {
    const send = sendDelivery(this.#ctx, claimed, this.#urls).then((attempt) => {
      this.#ended.push(attempt);
      this.#sending.delete(claimed);
    });
    this.#sending.set(claimed, send);
  }
}

function countByTeam(claimed: Iterable<Claimed>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { delivery } of claimed) counts.set(delivery.teamId, (counts.get(delivery.teamId) ?? 0) + 1);
  return counts;
}

async function record(ctx: Context, attempts: readonly Attempt[], tally: DeliveryTally): Promise<void> {
  for (const { attempt, status: fate, nextAttemptAt } of await recordAttempts(ctx, attempts)) {
    const { delivery, status, latencyMs, error } = attempt;
    tally[fate === "delivered" ? "delivered" : "failed"] += 1;
    ctx.log(error === null ? "info" : "warn", "delivery.attempted", {
      deliveryId: delivery.id,
      eventId: delivery.eventId,
      eventType: delivery.eventType,
      webhookId: delivery.webhookId,
      attempt: delivery.attempts,
      fate,
      status,
      latencyMs,
      ...(error === null ? {} : { error, nextAttemptAt: nextAttemptAt?.toISOString() ?? null }),
    });
  }
}

import type { Context } from "../../context.ts";
import type { UrlRules } from "../webhook/check-url.ts";
import { type Claimed, claimDue, releaseClaimed, type Turn } from "./claim.ts";
import { GONE, recordAttempts } from "./record.ts";
import { type Attempt, sendDelivery } from "./send.ts";

/** A Worker may wait for six connections at once: these, and of the database one to claim and one to record. */
const AT_ONCE = 4;
/** So that a receiver that hangs never holds all of them. */
const OF_TEAM_AT_ONCE = 3;
/** Of a team is claimed what its receivers take in so long, by the time that the last of them took. */
const AHEAD_MS = 250;
const MOST_AHEAD = 128;
/** Where nothing was due, nothing is asked for so long while there is something to do. */
const LULL_MS = 100;
/** Where a place is free though more waits than it may take, as often is asked whether another team could use it. */
const SPARE_MS = 500;
/** A claim with less than this left of its lease is given back: sending it might outlast the lease. */
const LEASE_NEEDED_MS = 30_000;

export interface DeliveryTally {
  delivered: number;
  failed: number;
}

/**
 * What one consumer has in hand: waiting, being sent, ended. Claiming and recording go on beside the sends, each one
 * statement at a time for however many there are by then, so that no send waits for the database while it keeps up.
 */
export class Run {
  readonly tally: DeliveryTally = { delivered: 0, failed: 0 };
  /** The last that was claimed: a hint must name one. */
  last = "";
  readonly #ctx: Context;
  readonly #urls: UrlRules;
  #waiting: Claimed[] = [];
  readonly #sending = new Map<Claimed, Promise<void>>();
  #ended: Attempt[] = [];
  /** How many of a team may be in hand; of others as many as may be sent at once. */
  readonly #ahead = new Map<string, number>();
  /** Teams of which the last claim took as many as it might: more may be due. */
  readonly #mayHaveMore = new Set<string>();
  /** Webhooks that answered 410, until that is written down: no more is sent to them. */
  readonly #gone = new Set<string>();
  /** The number of each team's last turn. */
  readonly #turnOf = new Map<string, number>();
  #turns = 0;
  #claiming: Promise<void> | null = null;
  #recording: Promise<void> | null = null;
  #claimedAt = 0;
  /** From then on a claim may find something; never, until a send has ended. */
  #claimFrom = 0;
  /** Nothing is due: said of a claim while nothing was in hand. */
  #exhausted = false;
  #failure: { cause: unknown } | null = null;

  constructor(ctx: Context, urls: UrlRules) {
    this.#ctx = ctx;
    this.#urls = urls;
  }

  isIdle(): boolean {
    const inHand = this.#waiting.length + this.#sending.size + this.#ended.length;
    return inHand === 0 && this.#claiming === null && this.#recording === null;
  }

  /** Starts what waits, as far as there is room for it. */
  async startWaiting(): Promise<void> {
    const soon = this.#ctx.now().getTime() + LEASE_NEEDED_MS;
    await this.giveBack(({ delivery }) => delivery.nextAttemptAt.getTime() <= soon);
    const sending = countByTeam(this.#sending.keys());
    while (this.#sending.size < AT_ONCE) {
      const next = this.#nextInTurn(sending);
      if (next === null) return;
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      const { teamId } = next.delivery;
      sending.set(teamId, (sending.get(teamId) ?? 0) + 1);
      this.#turns += 1;
      this.#turnOf.set(teamId, this.#turns);
      this.#start(next);
    }
  }

  /** The oldest of the team that has the fewest on their way; among equals, of the one whose last turn is longest ago. */
  #nextInTurn(sending: ReadonlyMap<string, number>): Claimed | null {
    let next: { claimed: Claimed; ofTeam: number; turn: number } | null = null;
    for (const claimed of this.#waiting) {
      const ofTeam = sending.get(claimed.delivery.teamId) ?? 0;
      const turn = this.#turnOf.get(claimed.delivery.teamId) ?? 0;
      if (ofTeam >= OF_TEAM_AT_ONCE || this.#gone.has(claimed.webhook.id)) continue;
      if (next === null || ofTeam < next.ofTeam || (ofTeam === next.ofTeam && turn < next.turn)) {
        next = { claimed, ofTeam, turn };
      }
    }
    return next?.claimed ?? null;
  }

  /** Lets others have what was claimed and not begun. */
  async giveBack(which: (claimed: Claimed) => boolean = () => true): Promise<void> {
    const back = this.#waiting.filter(which);
    if (back.length === 0) return;
    this.#waiting = this.#waiting.filter((one) => !back.includes(one));
    await releaseClaimed(this.#ctx, back);
  }

  /** Claims, beside what goes on, before what waits has run out. */
  claimMore(): void {
    const inHand = countByTeam([...this.#sending.keys(), ...this.#waiting]);
    if (this.#claiming !== null || !this.#mayFindMore(inHand.size > 0)) return;
    const open = new Map<string, number>();
    for (const teamId of new Set([...inHand.keys(), ...this.#ahead.keys()])) {
      open.set(teamId, Math.max(0, (this.#ahead.get(teamId) ?? OF_TEAM_AT_ONCE) - (inHand.get(teamId) ?? 0)));
    }
    const most = Math.max(AT_ONCE, ...open.values());
    const held = [...open.values()].includes(0);
    this.#claimedAt = this.#ctx.now().getTime();
    this.#claiming = this.#beside(async () => {
      const claimed = await claimDue(this.#ctx, { most, open, openOfOthers: OF_TEAM_AT_ONCE });
      this.#waiting.push(...claimed);
      this.#noteWhoMayHaveMore(claimed, { most, open });
      this.last = claimed.at(-1)?.delivery.id ?? this.last;
      this.#exhausted = claimed.length === 0 && inHand.size === 0;
      if (claimed.length > 0) this.#claimFrom = 0;
      else this.#claimFrom = held ? Number.POSITIVE_INFINITY : this.#ctx.now().getTime() + LULL_MS;
      this.#claiming = null;
    });
  }

  #mayFindMore(busy: boolean): boolean {
    if (!busy) return !this.#exhausted;
    const time = this.#ctx.now().getTime();
    if (this.#sending.size < AT_ONCE && time >= this.#claimedAt + SPARE_MS) return true;
    if (this.#someRanDry()) return true;
    const enough = Math.max(AT_ONCE, ...this.#ahead.values()) / 2;
    return this.#waiting.length <= enough && time >= this.#claimFrom;
  }

  #noteWhoMayHaveMore(claimed: readonly Claimed[], { most, open }: Pick<Turn, "most" | "open">): void {
    const counts = countByTeam(claimed);
    for (const teamId of new Set([...counts.keys(), ...this.#mayHaveMore])) {
      const asked = open.get(teamId) ?? OF_TEAM_AT_ONCE;
      const count = counts.get(teamId) ?? 0;
      if (asked === 0) continue;
      if (count > 0 && (count === asked || claimed.length === most)) this.#mayHaveMore.add(teamId);
      else this.#mayHaveMore.delete(teamId);
    }
  }

  /** Whether a team that may have more could send another and has none here, whatever waits of others. */
  #someRanDry(): boolean {
    const sending = countByTeam(this.#sending.keys());
    const waiting = countByTeam(this.#waiting);
    return [...this.#mayHaveMore].some(
      (teamId) => !waiting.has(teamId) && (sending.get(teamId) ?? 0) < OF_TEAM_AT_ONCE,
    );
  }

  /** Writes down what has ended, beside what goes on; the more ends meanwhile, the more the next statement takes. */
  recordEnded(): void {
    if (this.#recording !== null || this.#ended.length === 0) return;
    const attempts = this.#ended;
    this.#ended = [];
    this.#recording = this.#beside(async () => {
      try {
        await record(this.#ctx, attempts, this.tally);
      } catch (error) {
        // Recording twice changes nothing, and `settle` tries once more.
        this.#ended.unshift(...attempts);
        throw error;
      }
      // Its webhook is off by now, and what waited for it is exhausted.
      const gone = new Set(attempts.filter(({ status }) => status === GONE).map(({ webhook }) => webhook.id));
      await this.giveBack(({ webhook }) => gone.has(webhook.id));
      for (const id of gone) this.#gone.delete(id);
      this.#recording = null;
    });
  }

  /** Until something has ended, or, where a place is free, another team may have come to want it. */
  async progress(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const spare = new Promise<void>((resolve) => {
      if (this.#sending.size < AT_ONCE) timer = setTimeout(resolve, SPARE_MS);
    });
    const going = [this.#claiming, this.#recording].filter((one) => one !== null);
    await Promise.race([...this.#sending.values(), ...going, spare]);
    clearTimeout(timer);
    if (this.#failure) throw this.#failure.cause;
  }

  /**
   * After a failure of the database: what is on its way comes to its end, and all is recorded or given back if that
   * can be done now. What cannot is sent again by the lease.
   */
  async settle(): Promise<void> {
    await Promise.all([...this.#sending.values(), this.#claiming, this.#recording]);
    if (this.isIdle()) return;
    this.#recording = null;
    this.recordEnded();
    await this.#recording;
    await this.giveBack().catch(() => {});
  }

  #start(claimed: Claimed): void {
    const send = sendDelivery(this.#ctx, claimed, this.#urls).then((attempt) => {
      this.#ended.push(attempt);
      this.#sending.delete(claimed);
      if (attempt.status === GONE) this.#gone.add(claimed.webhook.id);
      const ahead = Math.ceil((OF_TEAM_AT_ONCE * AHEAD_MS) / Math.max(1, attempt.latencyMs));
      const slow = attempt.error !== null || ahead < OF_TEAM_AT_ONCE;
      this.#ahead.set(claimed.delivery.teamId, slow ? OF_TEAM_AT_ONCE : Math.min(MOST_AHEAD, ahead));
      if (this.#claimFrom === Number.POSITIVE_INFINITY) this.#claimFrom = 0;
    });
    this.#sending.set(claimed, send);
  }

  /** Its failure is `progress`'s to throw: nobody awaits it at once. */
  #beside(work: () => Promise<void>): Promise<void> {
    return work().catch((cause: unknown) => {
      this.#failure = { cause };
    });
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

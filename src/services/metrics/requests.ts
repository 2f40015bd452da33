import { sql } from "drizzle-orm";
import type { Queryable } from "../../database/client.ts";
import { requestCounts } from "../../database/schema.ts";
import type { Family } from "./render.ts";

/** Upper bounds in seconds: from an answer that asks nothing of the database to a file of 100 MB that is put. */
const BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

type Counts = typeof requestCounts.$inferInsert;

/**
 * Requests that one isolate has answered and not yet written down. Workers are many and short-lived, so nobody can ask
 * them: each adds what it has counted to rows, once in a while, which costs no request a statement. An isolate that
 * is ended between takes the last seconds along.
 */
export class RequestCounter {
  #counts = new Map<string, Counts>();

  count(request: { method: string; route: string; status: number; seconds: number }): void {
    const { method, route, status, seconds } = request;
    this.#add({ method, route, status, seconds, buckets: bucketsOf(seconds) });
  }

  /** Adds what was counted since the last time to the rows. What cannot be written is kept for the next time. */
  async flush(db: Queryable): Promise<void> {
    const counts = [...this.#counts.values()];
    this.#counts = new Map();
    try {
      await addCounts(db, counts);
    } catch (error) {
      for (const one of counts) this.#add(one);
      throw error;
    }
  }

  #add(more: Counts): void {
    const key = `${more.method} ${more.route} ${more.status}`;
    const known = this.#counts.get(key);
    this.#counts.set(key, known ? sum(known, more) : more);
  }
}

function bucketsOf(seconds: number): number[] {
  const place = BOUNDS.findIndex((bound) => seconds <= bound);
  const buckets = new Array<number>(BOUNDS.length + 1).fill(0);
  buckets[place < 0 ? BOUNDS.length : place] = 1;
  return buckets;
}

function sum(known: Counts, more: Counts): Counts {
  const buckets = known.buckets.map((count, n) => count + (more.buckets[n] ?? 0));
  return { ...known, seconds: known.seconds + more.seconds, buckets };
}

async function addCounts(db: Queryable, counts: readonly Counts[]): Promise<void> {
  if (counts.length === 0) return;
  const key = ({ method, route, status }: Counts) => `${method} ${route} ${status}`;
  await db
    .insert(requestCounts)
    // In one order, so that isolates which add at the same time wait for each other and never in a ring.
    .values(counts.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)))
    .onConflictDoUpdate({
      target: [requestCounts.method, requestCounts.route, requestCounts.status],
      set: {
        seconds: sql`${requestCounts.seconds} + excluded.seconds`,
        buckets: sql`(
          select array_agg(known + more order by n)
          from unnest(${requestCounts.buckets}, excluded.buckets) with ordinality as both_of(known, more, n))`,
      },
    });
}

/** What all isolates have written down so far: a counter, and a histogram of the durations by route. */
export async function requestFamilies(db: Queryable): Promise<Family[]> {
  const rows = await db.select().from(requestCounts);
  const byRoute = new Map<string, Counts>();
  for (const row of rows) {
    const key = `${row.method} ${row.route}`;
    const known = byRoute.get(key);
    byRoute.set(key, known ? sum(known, row) : row);
  }
  return [
    {
      name: "curie_point_requests_total",
      type: "counter",
      help: "Requests answered.",
      samples: rows.map(({ method, route, status, buckets }) => ({
        labels: { method, route, status: `${status}` },
        value: total(buckets),
      })),
    },
    {
      name: "curie_point_request_seconds",
      type: "histogram",
      help: "From a request to the beginning of its answer.",
      samples: [...byRoute.values()].flatMap(histogram),
    },
  ];
}

function histogram({ method, route, seconds, buckets }: Counts): Family["samples"] {
  const labels = { method, route };
  const upTo = [...BOUNDS.map(String), "+Inf"].map((le, n) => ({
    suffix: "_bucket" as const,
    labels: { ...labels, le },
    value: total(buckets.slice(0, n + 1)),
  }));
  return [...upTo, { suffix: "_sum", labels, value: seconds }, { suffix: "_count", labels, value: total(buckets) }];
}

const total = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);

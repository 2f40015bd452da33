import { z } from "zod";

/** The addresses of a host name, IPv4 and IPv6; none where there are none. Rejects where nobody answers. */
export type Resolve = (host: string) => Promise<string[]>;

const TIMEOUT_MS = 5_000;
/** Record types of DNS (RFC 1035, RFC 3596). */
const A = 1;
const AAAA = 28;

const Answer = z.object({
  Status: z.number(),
  Answer: z.array(z.object({ type: z.number(), data: z.string() })).default([]),
});

/**
 * DNS over HTTPS in its JSON form, as Cloudflare (https://cloudflare-dns.com/dns-query) and Google
 * (https://dns.google/resolve) serve it. A Worker has no other way to see where a name leads.
 */
export function resolveOverHttps(service: string): Resolve {
  const ask = async (host: string, type: number): Promise<string[]> => {
    const url = new URL(service);
    url.searchParams.set("name", host);
    url.searchParams.set("type", `${type}`);
    const response = await fetch(url, {
      headers: { accept: "application/dns-json" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`the resolver answered ${response.status}`);
    const { Status, Answer: records } = Answer.parse(await response.json());
    // 3 is NXDOMAIN: there is no such name, and that is an answer. The others say that nobody knows.
    if (Status !== 0 && Status !== 3) throw new Error(`the resolver answered with DNS status ${Status}`);
    return records.filter((record) => record.type === type).map(({ data }) => data);
  };
  return async (host) => (await Promise.all([ask(host, A), ask(host, AAAA)])).flat();
}

/** Names of a table; all others as `next` knows them. */
export function resolveFromTable(table: Readonly<Record<string, readonly string[]>>, next: Resolve): Resolve {
  return async (host) => (Object.hasOwn(table, host) ? [...(table[host] ?? [])] : await next(host));
}

/** Asks once for all who want the same name within so long; a failure is not remembered. */
export function remembering(resolve: Resolve, keptMs: number, now: () => Date): Resolve {
  const asked = new Map<string, { answer: Promise<string[]>; until: number }>();
  return (host) => {
    const known = asked.get(host);
    const time = now().getTime();
    if (known && time < known.until) return known.answer;
    const answer = resolve(host);
    asked.set(host, { answer, until: time + keptMs });
    answer.catch(() => asked.delete(host));
    return answer;
  };
}

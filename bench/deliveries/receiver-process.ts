// A webhook's other end in a process of its own, so that receiving costs the stack and its rivals the same. The host
// says what it waits for, and is told once, when all of it has come: a message for each event would slow both.
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

/** Until every one of these events, or a body that holds this text, has come. */
export type Wait = { events: string[] } | { text: string };
/** Milliseconds since 1970 at which the last of them came first; the body of a single one. */
export interface Came {
  at: number;
  body: string | null;
}

const arrivals = new Map<string, { at: number; body: string }>();
let wanted: { events: Set<string> } | { text: string } | null = null;

function tellIfCome(): void {
  if (wanted === null) return;
  if ("events" in wanted) {
    if (wanted.events.size === 0) tell({ at: Date.now(), body: null });
    return;
  }
  const { text: part } = wanted;
  const found = [...arrivals.values()].find(({ body }) => body.includes(part));
  if (found) tell(found);
}

function tell(came: Came): void {
  wanted = null;
  process.send?.(came);
}

process.on("message", (wait: Wait) => {
  wanted = "events" in wait ? { events: new Set(wait.events.filter((id) => !arrivals.has(id))) } : wait;
  tellIfCome();
});
process.on("disconnect", () => process.exit(0));

const server = createServer((incoming, response) => {
  void text(incoming).then((body) => {
    const id = `${incoming.headers["webhook-id"]}`;
    if (!arrivals.has(id)) arrivals.set(id, { at: Date.now(), body });
    response.writeHead(204).end();
    if (wanted === null) return;
    if ("events" in wanted && !wanted.events.delete(id)) return;
    tellIfCome();
  });
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: Object(server.address()).port }));

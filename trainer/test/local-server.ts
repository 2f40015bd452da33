import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
  readonly atMs: number;
}

const CAVEATS = [{ code: "contaminated_split", message: "3 rows are in train." }];

type Handler = (request: Received, response: ServerResponse, count: number) => void;

/** A real HTTP server on a free port that keeps what it received; `handle` gets the number of the request, from 1. */
export async function startServer(handle: Handler, atPort = 0) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = "", url: path = "", headers } = request;
    const entry = { method, path, headers, body: Buffer.concat(chunks), atMs: performance.now() };
    received.push(entry);
    handle(entry, response, received.length);
  });
  await new Promise<void>((resolve) => server.listen(atPort, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function answer(
  response: ServerResponse,
  status: number,
  document: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(document));
}

/** Just enough of the service: every checkpoint is evaluated when it arrives, and the verdict is of the last one. */
export function startService(
  verdictAt: (step: number | null) => string = () => "insufficient_evidence",
  { isAway = () => false, port = 0 }: { isAway?: (step: number | null) => boolean; port?: number } = {},
) {
  const steps: number[] = [];
  return startServer(({ method, path }, response) => {
    const step = /checkpoints\/(\d+)$/.exec(path)?.[1];
    if (isAway(steps.at(-1) ?? null)) {
      response.destroy();
    } else if (step !== undefined) {
      steps.push(Number(step));
      answer(response, 202, {});
    } else if (path.endsWith("/verdict")) {
      const asOfStep = steps.length === 0 ? null : Math.max(...steps);
      answer(response, 200, {
        verdict: verdictAt(asOfStep),
        asOfStep,
        summary: "Too early to tell.",
        caveats: CAVEATS,
      });
    } else if (path.endsWith("/trajectory")) {
      const points = steps.toSorted((a, b) => a - b).map((step) => ({ step, weightNorm: 1, splits: {} }));
      answer(response, 200, { points, next: null });
    } else answer(response, method === "POST" ? 201 : 202, { id: "mdl_1" });
  }, port);
}

/** Of the checkpoints that were pushed, in the order in which they came. */
export const pushedSteps = ({ received }: { received: readonly Pick<Received, "path">[] }): number[] =>
  received.flatMap(({ path }) => /checkpoints\/(\d+)$/.exec(path)?.[1] ?? []).map(Number);

// A service that only keeps what it is sent and evaluates nothing: what push-overhead.ts compares the real one with.
// Prints its port; ends with its parent.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";

const folder = await mkdtemp(join(tmpdir(), "curie-point-receiver-"));
/** The last step of each model. */
const lastSteps = new Map<string, number>();
let models = 0;

async function answerTo(request: IncomingMessage): Promise<unknown> {
  const body = await buffer(request);
  const [, model = "", step] = /^\/models\/([^/]+)\/(?:checkpoints\/(\d+)|\w+)$/.exec(request.url ?? "") ?? [];
  if (request.method === "PUT") {
    await writeFile(join(folder, `${model}-${step ?? "suite"}`), body);
    if (step !== undefined) lastSteps.set(model, Math.max(Number(step), lastSteps.get(model) ?? 0));
    return {};
  }
  if (request.method === "POST") {
    models += 1;
    return { id: `mdl_${models}` };
  }
  const asOfStep = lastSteps.get(model) ?? null;
  if (request.url?.endsWith("/verdict")) return { verdict: "insufficient_evidence", asOfStep };
  return { points: asOfStep === null ? [] : [{ step: asOfStep, weightNorm: null, splits: {} }], next: null };
}

const server = createServer((request, response) => {
  void answerTo(request).then((document) => {
    const status = request.method === "GET" ? 200 : 202;
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(document));
  });
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
process.stdin.resume().on("end", () => {
  void rm(folder, { recursive: true }).finally(() => process.exit());
});

import { createRoute, z } from "@hono/zod-openapi";
import { findArtifact, openArtifact, type WantedRange } from "../services/checkpoint/open-artifact.ts";
import { formatContentDigest } from "../services/digest.ts";
import { getModel } from "../services/model/internal.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import { OfCheckpoint } from "./results.ts";
import { errorResponses, gone, storeErrors } from "./schemas.ts";

const artifact = createRoute({
  method: "get",
  path: "/models/{id}/checkpoints/{step}/artifact",
  operationId: "getArtifact",
  summary: "The bytes as they were pushed",
  description:
    "`Repr-Digest` (RFC 9530) is that of the whole file. `Range: bytes=first-last` is honoured, so that a download that broke off can go on.",
  middleware: [requireActor("read")] as const,
  request: { params: OfCheckpoint },
  responses: {
    200: { description: "The file", content: { "application/octet-stream": { schema: z.any() } } },
    206: { description: "The range of it", content: { "application/octet-stream": { schema: z.any() } } },
    ...errorResponses,
    ...gone,
    ...storeErrors,
  },
});

export function registerArtifact(app: App): void {
  app.openapi(artifact, async (c) => {
    const { id, step } = c.req.valid("param");
    const { team } = c.var;
    const model = await getModel(team, id);
    const wanted = parseRange(c.req.header("range"));
    // HEAD asks for the headers alone: nothing is opened that nobody reads.
    const head = c.req.method === "HEAD";
    const found = head
      ? { ...(await findArtifact(team, model, step, wanted)), body: null }
      : await openArtifact(team, model, step, wanted);
    const { digest, bytes, range, body } = found;
    const length = range.to - range.from;
    // The length goes out with the headers, and a store that breaks off breaks the answer off too.
    return new Response(body?.pipeThrough(new FixedLengthStream(length)), {
      status: length < bytes ? 206 : 200,
      headers: {
        "content-type": "application/octet-stream",
        "accept-ranges": "bytes",
        "repr-digest": formatContentDigest(digest),
        etag: `"${digest}"`,
        ...(head ? { "content-length": `${length}` } : {}),
        ...(length < bytes ? { "content-range": `bytes ${range.from}-${range.to - 1}/${bytes}` } : {}),
      },
    });
  });
}

/** One range from a byte on; of anything else the whole file is sent, as RFC 9110 allows. */
function parseRange(header: string | undefined): WantedRange | null {
  const [, first, last] = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(header?.trim() ?? "") ?? [];
  return first === undefined ? null : { first: Number(first), last: last ? Number(last) : null };
}

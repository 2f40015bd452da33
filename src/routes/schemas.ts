import { z } from "@hono/zod-openapi";
import type { ModelPolicy } from "../context.ts";
import { DomainError, ERROR_CODES } from "../errors.ts";

/** Names go into paths and lists: short, and without the characters that paths give a meaning. */
export const Name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/,
    'must be 1 to 128 letters, digits, ".", "_" or "-", the first a letter or digit',
  )
  .openapi({ example: "add47-seed7" });

export const Step = z
  .string()
  .regex(/^\d{1,15}$/, "must be a whole number from 0 to 999999999999999")
  .transform(Number)
  .openapi({ type: "integer", description: "Training step.", example: 400 });

export const Digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'must be "sha256:" and 64 hex digits')
  .openapi({ example: `sha256:${"0123456789abcdef".repeat(4)}` });

export const Time = z.string().openapi({ description: "RFC 3339.", example: "2026-11-22T12:00:00.000Z" });

const fraction = (description: string, example: number) =>
  z.number().min(0).max(1).optional().openapi({ description, example });

export const PolicySchema = z
  .strictObject({
    floor: fraction("At or below it (rescaled from chance to 1) a split has learned nothing.", 0.1),
    ceiling: fraction("At or above it (rescaled) a split is learned.", 0.95),
    dwell: z.number().int().min(1).max(1000).optional().openapi({ description: "Checkpoints that make a level held." }),
    minimumCheckpoints: z.number().int().min(1).max(1000).optional().openapi({ description: "Fewer are no evidence." }),
    trainFit: fraction("Held train accuracy that counts as the fit.", 0.985),
    underfit: fraction("Median train accuracy under which the model is underfit.", 0.9),
    minimumChange: fraction("A smaller change of level is no event.", 0.05),
    lossLevel: fraction("Only a level held at or above it can be lost.", 0.5),
    averageRunLength: z.number().min(100).max(1e9).optional().openapi({
      description: "Checkpoints between two false alarms of a generalization, at least, over all splits together.",
      example: 20000,
    }),
    lossShare: fraction("A split is lost below this share of its highest held level.", 0.8),
    allowValidation: z.boolean().optional().openapi({ description: "Let validation alone make a model deployable." }),
    controlFlowDepth: z.number().int().min(0).max(8).optional().openapi({
      description:
        "Subgraphs (If, Loop, Scan) within each other that a checkpoint may run; 0, the default, refuses them all. One that does not end fails its evaluation by its time.",
      example: 0,
    }),
  })
  // exactOptionalPropertyTypes: zod's optional admits an explicit undefined, which JSON cannot carry.
  .transform((policy) => policy as ModelPolicy)
  .openapi("Policy");

export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().openapi({ description: "What was wrong, and what to do about it." }),
    code: z.enum(ERROR_CODES as [string, ...string[]]).openapi({ description: "Stable: branch on it." }),
    requestId: z.string().openapi({ description: "Quote it when asking for help." }),
  })
  .openapi("Problem");

export const SuiteRef = z
  .object({
    name: z.string().openapi({ example: "add47" }),
    version: z.string().openapi({ description: "SHA-256 of the suite file.", example: "sha256:9f86d0…" }),
  })
  .openapi("SuiteRef");

export const EvidenceProvenance = z.enum(["measured", "reported", "mixed"]).openapi({
  description: "Whose measurements it rests on: ours, what somebody reported, or some of each.",
  example: "measured",
});

export const Caveats = z.array(z.object({ code: z.string(), message: z.string() }));

export const LeastChange = z
  .object({
    split: z.string(),
    independent: z.number(),
    paired: z.number().nullable(),
    examplesForOnePoint: z.number().int(),
  })
  .nullable()
  .openapi({
    description:
      "How small a change of accuracy the verdict can see: the deciding split that shows least, by the suite's audit; null without one.",
  });

/**
 * `A=B`, given any number of times, by their left sides.
 * @throws DomainError `invalid_request` where two say different things of one
 */
export function byLeft<Value>(name: string, pairs: readonly (readonly [string, Value])[]): Map<string, Value> {
  const found = new Map<string, Value>();
  for (const [left, value] of pairs) {
    if (found.has(left) && found.get(left) !== value) {
      throw new DomainError("invalid_request", `${name} says two things of "${left}": leave one out.`);
    }
    found.set(left, value);
  }
  return found;
}

/** Which of a model's trajectories: one for each suite version that it was evaluated on. */
export const OfVersion = z.object({
  suite: Digest.optional().openapi({
    description: "A suite version that the model was pinned to before; without it, the one that it is pinned to.",
  }),
});

/** A list's page: `limit` rows, and from where. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50).openapi({ description: "Rows a page.", example: 50 }),
  cursor: z.string().optional().openapi({ description: "`next` of the page before." }),
});

export function json<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { "application/json": { schema } } };
}

const problem = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: Problem } },
});

/** What any route may answer. */
export const errorResponses = {
  400: problem("The request is not well formed"),
  401: problem("No valid key"),
  403: problem("The key lacks the scope"),
  404: problem("Not there, or another team's"),
  500: problem("Something failed on our side: the document has a request id and no internals"),
};

export const conflict = { 409: problem("What is there already differs") };
export const unprocessable = { 422: problem("Well formed, and cannot be used: the document says why") };
export const bodyErrors = {
  411: problem("Content-Length is missing"),
  412: problem("The precondition does not hold"),
  413: problem("The body is too large"),
  415: problem("The format is not supported"),
  503: problem("The object store does not answer: try again"),
};
export const gone = { 410: problem("The bytes are kept no more") };
export const storeErrors = { 503: bodyErrors[503] };
export const notReady = { 503: problem("A dependency does not answer: `dependencies` says which") };
export const postErrors = { 413: bodyErrors[413] };
export const gateErrors = { 412: problem("The verdict is not the required one") };

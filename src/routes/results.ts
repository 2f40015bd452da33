import { z } from "@hono/zod-openapi";
import type { CheckpointDetail } from "../services/checkpoint/get.ts";
import { Step } from "./schemas.ts";

// What of a checkpoint stands in several documents: its address, results and layers.

export const OfCheckpoint = z.object({ id: z.string().openapi({ description: "Model id or name." }), step: Step });

const SplitResult = z.object({
  correct: z.number().int(),
  total: z.number().int(),
  loss: z.number().nullable().openapi({ description: "Mean cross-entropy in nats; null where it is not finite." }),
});
export const Splits = z.record(z.string(), SplitResult);
export const Failure = z.object({ code: z.string(), message: z.string() });
export const Layers = z
  .record(
    z.string(),
    z.object({
      norm: z.number().nullable().openapi({ description: "Frobenius norm." }),
      effectiveRank: z.number().nullable().openapi({ description: "A number of directions (Roy and Vetterli 2007)." }),
      stableRank: z.number().nullable().openapi({ description: "Squared Frobenius norm over squared spectral norm." }),
      alpha: z.number().nullable().openapi({ description: "Exponent of the power law of the eigenvalues' tail." }),
    }),
  )
  .openapi({
    description:
      "The first 16 weight matrices of the file by name; `…/tensors` has all tensors. A rank or alpha is null of a matrix that is too large or not finite, or of too few eigenvalues.",
  });

export function toLayers(layers: NonNullable<CheckpointDetail["artifact"]>["layers"]): z.infer<typeof Layers> {
  return Object.fromEntries(
    Object.entries(layers ?? {}).map(
      ([name, { norm = null, effectiveRank = null, stableRank = null, alpha = null }]) => [
        name,
        { norm, effectiveRank, stableRank, alpha },
      ],
    ),
  );
}

import { and, eq, isNull } from "drizzle-orm";
import type { Context } from "../../context.ts";
import { artifacts, type MatrixStatistics } from "../../database/schema.ts";
import { describeFailure } from "../../errors.ts";
import { createMeter } from "../../tensors/meter.ts";
import { SpectrumReader } from "../../tensors/spectrum-reader.ts";

/**
 * Every point of a trajectory carries its layers, and a replay reads those of 10,000 points into one isolate: of a
 * larger network the first matrices of the file, and none whose name (in characters) is longer.
 */
const MOST_LAYERS = 16;
const LONGEST_NAME = 128;
/** A quarter of a second for all matrices of a file together, beside the evaluation in the same message. */
const SPECTRUM_WORK = 2 ** 28;

/**
 * Reads the spectra of an artifact's weight matrices, once, before its first evaluation is closed: so a point has its
 * layers from the first time that it is folded. They decide nothing, and so stand in nobody's way: an artifact whose
 * layers cannot be read has none, for good.
 */
export async function measureLayers(
  ctx: Context,
  artifact: typeof artifacts.$inferSelect,
  onnx: Uint8Array,
): Promise<void> {
  const { teamId, digest } = artifact;
  let layers: Record<string, MatrixStatistics> = {};
  try {
    layers = readLayers(onnx);
  } catch (error) {
    ctx.log("warn", "layers.failed", { digest, ...describeFailure(error) });
  }
  await ctx.db
    .update(artifacts)
    .set({ layers })
    .where(and(eq(artifacts.teamId, teamId), eq(artifacts.digest, digest), isNull(artifacts.layers)));
}

/** Norm, effective and stable rank and alpha of an ONNX file's weight matrices, by the names of their tensors. */
export function readLayers(onnx: Uint8Array): Record<string, MatrixStatistics> {
  const spectra = new SpectrumReader({ work: SPECTRUM_WORK });
  // The policy of its day has let it in, whatever it is now.
  const meter = createMeter("onnx", { controlFlowDepth: Number.MAX_SAFE_INTEGER }, { spectra });
  meter.write(onnx);
  const { tensors } = meter.end();
  const matrices = tensors.filter(
    ({ name, role, shape }) =>
      role === "weight" && shape.length === 2 && Math.min(...shape) > 1 && name.length <= LONGEST_NAME,
  );
  return Object.fromEntries(
    matrices.slice(0, MOST_LAYERS).map(({ name, norm, nans, infinities, spectrum }) => {
      const { effectiveRank = null, stableRank = null, alpha = null } = spectrum ?? {};
      // Of the finite elements alone it is not the matrix's.
      return [name, { norm: nans + infinities > 0 ? null : norm, effectiveRank, stableRank, alpha }];
    }),
  );
}

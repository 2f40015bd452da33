import { isDeepStrictEqual } from "node:util";
import { createMeter, type Format, type MeterLimits, TENSOR_FORMAT_CODES } from "../../../src/tensors/meter.ts";
import { readSafetensors } from "../../../src/tensors/safetensors.ts";
import { SpectrumReader } from "../../../src/tensors/spectrum-reader.ts";
import { refusal } from "../measure.ts";
import { mutateOnnx } from "./mutate-onnx.ts";
import { mutateSafetensors } from "./mutate-safetensors.ts";
import { Random } from "./random.ts";
import { ONNX_SEEDS, SAFETENSORS_SEEDS } from "./seeds.ts";

const KNOWN = new Set<string>(["accepted", ...TENSOR_FORMAT_CODES]);

/** A file to try. */
export interface Case {
  readonly format: Format;
  readonly file: Uint8Array;
  /** Bytes at a time, on the second pass. */
  readonly chunk: number;
  readonly limits: Partial<MeterLimits>;
  readonly spectra: boolean;
}

/** The case of a number, the same whenever it is asked for. */
export function makeCase(seed: number, index: number): Case {
  const random = new Random(seed, index);
  const format = random.once(2) ? "safetensors" : "onnx";
  const file =
    format === "onnx"
      ? mutateOnnx(random, random.pick(ONNX_SEEDS), ONNX_SEEDS)
      : mutateSafetensors(random, random.pick(SAFETENSORS_SEEDS));
  const limits: Partial<MeterLimits> = { controlFlowDepth: random.below(4) };
  // Limits are reached by small files only where they are small too.
  if (random.once(3)) Object.assign(limits, { keptBytes: 10_000, nodes: 100, tensors: 20, nodeNames: 200 });
  return { format, file, chunk: 1 + random.below(40), limits, spectra: random.once(3) };
}

/**
 * Measures the file of a case and says how that ended: "accepted" or the code it is refused with. Throws where the
 * reader does what it must not: fail in another way, answer differently by chunks, or give what cannot be stored.
 */
export function tryCase({ format, file, chunk, limits, spectra }: Case): string {
  const whole = tryMeter(format, file, Math.max(1, file.length), limits, spectra);
  if (!KNOWN.has(whole.code)) throw new Error(`refused with an unknown code ${whole.code}`);
  const parts = tryMeter(format, file, chunk, limits, spectra);
  if (!isDeepStrictEqual(whole, parts)) {
    throw new Error(`${whole.code} at once and ${parts.code} in chunks of ${chunk}, or measured differently`);
  }
  if (format === "safetensors") {
    const read = refusal(() => readSafetensors(file));
    // The limits of the case are the meter's alone.
    if (limits.keptBytes === undefined && read !== whole.code && whole.code !== "names_too_large") {
      throw new Error(`${whole.code} by the meter and ${read} by the reader`);
    }
  }
  return whole.code;
}

function tryMeter(
  format: Format,
  file: Uint8Array,
  chunk: number,
  limits: Partial<MeterLimits>,
  spectra: boolean,
): { code: string; measurement?: unknown } {
  let measurement: ReturnType<ReturnType<typeof createMeter>["end"]> | undefined;
  const code = refusal(() => {
    const reader = new SpectrumReader({ side: 16, elements: 256, work: 20_000 });
    const meter = createMeter(format, limits, spectra ? { spectra: reader } : {});
    for (let at = 0; at < file.length; at += chunk) meter.write(file.subarray(at, at + chunk));
    measurement = meter.end();
  });
  if (measurement === undefined) return { code };
  // What is accepted is fit to be stored: numbers are finite, and counts add up.
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify(measurement)), measurement)) {
    throw new Error("the measurement does not survive JSON");
  }
  const { weightNorm, parameters, layers } = measurement;
  if (!(weightNorm >= 0) || layers.reduce((sum, layer) => sum + layer.parameters, 0) !== parameters) {
    throw new Error("the measurement does not add up");
  }
  return { code, measurement };
}

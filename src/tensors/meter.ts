import { Workspace } from "./element-stream.ts";
import { Ledger } from "./ledger.ts";
import { DEFAULT_LIMITS, type MeterLimits } from "./limits.ts";
import type { Format, Measurement } from "./measurement.ts";
import { OnnxMeter } from "./onnx-meter.ts";
import { SafetensorsMeter } from "./safetensors-meter.ts";
import type { SpectrumReader } from "./spectrum-reader.ts";

export type { Dtype } from "./dtypes.ts";
export { TENSOR_FORMAT_CODES, type TensorFormatCode, TensorFormatError } from "./errors.ts";
export { layerOf } from "./layers.ts";
export { DEFAULT_LIMITS, type MeterLimits } from "./limits.ts";
export type {
  Format,
  Graph,
  GraphValue,
  LayerStatistics,
  Measurement,
  Role,
  TensorStatistics,
} from "./measurement.ts";
export { sniffFormat } from "./sniff.ts";
export type { Spectrum } from "./spectra.ts";

/** Measures a checkpoint while its bytes pass by. */
export interface Meter {
  /**
   * Takes the next bytes of the file, from one to all; the chunk is the caller's again on return. Throws
   * TensorFormatError as soon as the file is seen to be unfit, and the same error from then on.
   */
  write(chunk: Uint8Array): void;
  /** Says that the file is complete, and measures it. Throws TensorFormatError if it is not whole. */
  end(): Measurement;
}

export interface MeterOptions {
  /** Reads spectra too: one reader a file. */
  spectra?: SpectrumReader;
}

/**
 * A meter for one file. Memory does not depend on the size of the file or of its tensors: about 1 MiB, what
 * `limits` allow of names and header (4 MiB each, and up to 20 MiB for the nodes of the largest graphs), and what
 * `spectra` hold. The measurement does not depend on how the file was cut into chunks.
 * Formats: onnx.proto of github.com/onnx/onnx; safetensors' "Format" of github.com/huggingface/safetensors.
 */
export function createMeter(format: Format, limits: Partial<MeterLimits> = {}, { spectra }: MeterOptions = {}): Meter {
  const ledger = new Ledger({ ...DEFAULT_LIMITS, ...limits }, format === "onnx" ? "constant" : "buffer", spectra);
  const workspace = new Workspace(spectra?.collector);
  return new LatchedMeter(
    format === "onnx" ? new OnnxMeter(ledger, workspace) : new SafetensorsMeter(ledger, workspace),
  );
}

/** Keeps a meter that has refused its file from being used on: its state means nothing any more. */
class LatchedMeter implements Meter {
  readonly #meter: Meter;
  #failure: unknown;
  #state: "open" | "failed" | "ended" = "open";

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  write(chunk: Uint8Array): void {
    this.#run(() => this.#meter.write(chunk));
  }

  end(): Measurement {
    const measurement = this.#run(() => this.#meter.end());
    this.#state = "ended";
    return measurement;
  }

  #run<T>(action: () => T): T {
    if (this.#state === "failed") throw this.#failure;
    if (this.#state === "ended") throw new Error("the meter has ended: make one meter for each file");
    try {
      return action();
    } catch (error) {
      this.#state = "failed";
      this.#failure = error;
      throw error;
    }
  }
}

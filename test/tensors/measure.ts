import {
  createMeter,
  type Format,
  type Measurement,
  type MeterLimits,
  TensorFormatError,
} from "../../src/tensors/meter.ts";

/** Measures a whole file, in chunks of one size. */
export function measure(
  format: Format,
  file: Uint8Array,
  { chunk = file.length, limits = {} }: { chunk?: number; limits?: Partial<MeterLimits> } = {},
): Measurement {
  const meter = createMeter(format, limits);
  for (let at = 0; at < file.length; at += chunk) meter.write(file.subarray(at, at + chunk));
  return meter.end();
}

/** The code a file is refused with, or "accepted". Anything but a TensorFormatError is thrown on. */
export function refusal(action: () => unknown): string {
  try {
    action();
    return "accepted";
  } catch (error) {
    if (error instanceof TensorFormatError) return error.code;
    throw error;
  }
}

/** The sentence a file is refused with. */
export function refusalMessage(action: () => unknown): string {
  try {
    action();
    return "accepted";
  } catch (error) {
    if (error instanceof TensorFormatError) return error.message;
    throw error;
  }
}

import type { DtypeFacts } from "./dtypes.ts";
import { quote, TensorFormatError } from "./errors.ts";
import { Layers } from "./layers.ts";
import type { MeterLimits } from "./limits.ts";
import type { Measurement, Role, TensorStatistics } from "./measurement.ts";
import { roleByContent } from "./roles.ts";
import type { SpectrumReader, SpectrumReading } from "./spectrum-reader.ts";
import { SquareSum, type Statistics } from "./statistics.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decodes UTF-8 for `what`, refusing anything else. */
export function decodeText(bytes: Uint8Array, what: string): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new TensorFormatError("invalid_name", `${what} is not valid UTF-8. Rename it in the training code.`);
  }
}

/** Refuses text that storage would refuse later: control characters (Postgres takes no NUL) and lone surrogates. */
export function checkName(name: string, what: string, limits: MeterLimits): string {
  // A UTF-16 code unit is at most three bytes of UTF-8: encoding is needed only near the limit.
  if (name.length * 3 > limits.nameBytes && new TextEncoder().encode(name).length > limits.nameBytes) {
    throw new TensorFormatError(
      "name_too_long",
      `${what} ${quote(name)} is longer than ${limits.nameBytes} bytes. Shorten it in the training code.`,
    );
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (/[\u0000-\u001f\u007f]/.test(name) || !name.isWellFormed()) {
    throw new TensorFormatError(
      "invalid_name",
      `${what} ${quote(name)} has control characters or broken Unicode. Rename it in the training code.`,
    );
  }
  return name;
}

/** A tensor that has been read and whose role may not be known yet. */
interface Entry {
  readonly name: string;
  readonly count: number;
  readonly squares: SquareSum;
  readonly statistics: Omit<TensorStatistics, "role" | "spectrum" | "noSpectrum">;
  readonly reading: SpectrumReading | null;
  readonly role: Role | undefined;
}

/** Everything a meter keeps of the tensors it has seen, and the limits on it. */
export class Ledger {
  readonly limits: MeterLimits;
  readonly names = new Set<string>();
  readonly #entries: Entry[] = [];
  readonly #integers: "constant" | "buffer";
  readonly #spectra: SpectrumReader | undefined;
  #begun = 0;
  #kept = 0;

  /** `integers`: the role of tensors that are not floating. */
  constructor(limits: MeterLimits, integers: "constant" | "buffer", spectra?: SpectrumReader) {
    this.limits = limits;
    this.#spectra = spectra;
    this.#integers = integers;
  }

  /** Counts a tensor before it is read, and gives its number in the file, from 1. */
  beginTensor(): number {
    if (++this.#begun > this.limits.tensors) {
      throw new TensorFormatError(
        "too_many_tensors",
        `Tensor ${this.#begun} of the file is one too many: the limit is ${this.limits.tensors}. Merge small ones before exporting.`,
      );
    }
    return this.#begun;
  }

  /** Accounts for bytes that stay in memory. */
  keep(bytes: number): void {
    this.#kept += bytes;
    if (this.#kept > this.limits.keptBytes) {
      throw new TensorFormatError(
        "names_too_large",
        `The names and shapes in the file take more than ${this.limits.keptBytes} bytes. Shorten the names.`,
      );
    }
  }

  addTensor(name: string, dtype: DtypeFacts, shape: readonly number[], statistics: Statistics): void {
    if (this.names.has(name)) {
      throw new TensorFormatError("duplicate_name", `Two tensors are named ${quote(name)}. Names must be unique.`);
    }
    this.names.add(name);
    this.keep(name.length * 2 + shape.length * 8);
    const role = roleByContent(name, dtype, statistics, this.#integers);
    const { count, squares, zeros, nans, infinities, max } = statistics;
    const [norm, mean] = [squares.norm(), statistics.mean()];
    this.#entries.push({
      name,
      count,
      squares,
      statistics: { name, dtype: dtype.name, shape, norm, mean, max, zeros, nans, infinities },
      // A role that is not known yet is nearly always a weight's.
      reading: role === undefined ? (this.#spectra?.read(shape, statistics) ?? null) : null,
      role,
    });
  }

  /** What the tensors amount to. `roleOf` decides on those that may be weights by all that was known of them alone. */
  total(
    roleOf: (name: string) => Role = () => "weight",
  ): Pick<Measurement, "weightNorm" | "parameters" | "nonFinite" | "tensors" | "layers"> {
    const all = new SquareSum();
    const layers = new Layers();
    let parameters = 0;
    let nonFinite = 0;
    const tensors = this.#entries.map(({ name, count, squares, statistics, reading, role = roleOf(name) }) => {
      if (role !== "weight") return { ...statistics, role };
      const broken = statistics.nans + statistics.infinities;
      all.add(squares);
      layers.add(name, squares, count, broken);
      parameters += count;
      nonFinite += broken;
      return { ...statistics, role, ...reading };
    });
    return { weightNorm: all.norm(), parameters, nonFinite, tensors, layers: layers.measure() };
  }
}

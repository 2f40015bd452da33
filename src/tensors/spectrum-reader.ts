import { MatrixCollector } from "./matrix-collector.ts";
import { describeSpectrum, type Spectrum, singularValues, spectrumWork } from "./spectra.ts";
import type { Statistics } from "./statistics.ts";

/** What spectra of one file may cost. */
export interface SpectrumLimits {
  /** Shorter side of a matrix. */
  readonly side: number;
  /** Elements of a matrix: eight bytes each are held while it passes, and as many again while it is decomposed. */
  readonly elements: number;
  /** Sum of `spectrumWork` over the matrices of a file: about 1 ns each. */
  readonly work: number;
}

/** 2 MiB of elements, .15 s for the largest matrix, 1 s for a file. */
export const SPECTRUM_LIMITS: SpectrumLimits = { side: 256, elements: 2 ** 18, work: 2 ** 30 };

/**
 * Why a matrix of weights has no spectrum: it is over the limits on one; the matrices before it in the file have used
 * up the limit on all; it has NaN or infinities, or nothing but zeros; or the library could not decompose it.
 */
export type NoSpectrum = "too_large" | "budget_spent" | "not_finite" | "zero" | "not_computed";

export type SpectrumReading = { spectrum: Spectrum } | { spectrum: null; noSpectrum: NoSpectrum };

/**
 * Reads the spectra of the 2-D tensors of one file as they stream by. Apart from the meter, which takes one as an
 * option, so that who wants no spectra loads no linear algebra.
 */
export class SpectrumReader {
  readonly collector: MatrixCollector;
  readonly #limits: SpectrumLimits;
  #work = 0;

  constructor(limits: Partial<SpectrumLimits> = {}) {
    this.#limits = { ...SPECTRUM_LIMITS, ...limits };
    this.collector = new MatrixCollector(this.#limits.elements);
  }

  /** The spectrum of the tensor that has just passed; null for one that is no matrix. */
  read(shape: readonly number[], statistics: Statistics): SpectrumReading | null {
    const [rows, columns] = shape;
    if (rows === undefined || columns === undefined || shape.length > 2) return null;
    const no = (noSpectrum: NoSpectrum): SpectrumReading => ({ spectrum: null, noSpectrum });
    const { values } = this.collector;
    if (values === undefined || Math.min(rows, columns) > this.#limits.side) return no("too_large");
    if (statistics.nans + statistics.infinities > 0) return no("not_finite");
    if (statistics.max === 0) return no("zero");
    const work = spectrumWork(rows, columns);
    if (this.#work + work > this.#limits.work) return no("budget_spent");
    this.#work += work;
    try {
      const spectrum = describeSpectrum(singularValues(values, rows, columns));
      return spectrum === null ? no("zero") : { spectrum };
    } catch {
      // None is known that gets here, but the numbers are hostile and the rest of the file is not to suffer.
      return no("not_computed");
    }
  }
}

import { Matrix, SingularValueDecomposition } from "ml-matrix";
import { fitPowerLaw } from "./power-law.ts";

/** What the singular values of a matrix say about it. */
export interface Spectrum {
  /** The largest singular value; at most Number.MAX_VALUE, so that it survives JSON. */
  readonly spectralNorm: number;
  /** Singular values above the largest times the longer side times 2^-52: the rank, as far as float64 can tell. */
  readonly rank: number;
  /**
   * Number of directions that matter: exp of the entropy (nats) of the singular values over their sum, from 1 to the
   * shorter side. Roy & Vetterli, "The effective rank", EUSIPCO 2007.
   */
  readonly effectiveRank: number;
  /** Squared Frobenius norm over squared spectral norm, from 1 to the rank. Rudelson & Vershynin, J. ACM 54 (2007). */
  readonly stableRank: number;
  /**
   * Exponent of the power law p(x) ~ x^-alpha fitted to the tail of the eigenvalues (squared singular values), or null
   * where there are too few. Martin & Mahoney, JMLR 22 (2021), read it as: the smaller, the stronger the correlations
   * in the weights; 2 to 6 in well-trained layers.
   */
  readonly alpha: number | null;
  /** Eigenvalues in that tail. */
  readonly tail: number | null;
  /** Kolmogorov-Smirnov distance of the tail from its fit, from 0 to 1: over .1 or so, the tail is no power law. */
  readonly tailDistance: number | null;
}

/** What the singular values of a matrix cost, in steps of a decomposition: 64 is what an element costs besides. */
export const spectrumWork = (rows: number, columns: number): number => rows * columns * (Math.min(rows, columns) + 64);

/**
 * Singular values of a matrix given row by row, the largest first. All elements must be finite. Takes about 3 ns
 * times {@link spectrumWork}.
 */
export function singularValues(values: Float64Array, rows: number, columns: number): number[] {
  if (rows === 0 || columns === 0) return [];
  // Scaled to 1, so that no square overflows or vanishes on the way.
  const scale = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  if (scale === 0) return new Array<number>(Math.min(rows, columns)).fill(0);
  if (rows === 1 || columns === 1) {
    const squares = values.reduce((sum, x) => sum + (x / scale) ** 2, 0);
    return [Math.min(Math.sqrt(squares) * scale, Number.MAX_VALUE)];
  }
  // Few long rows: the library keeps an array for each, and a tall matrix would have as many as it has elements.
  const wide = rows <= columns;
  const [short, long] = wide ? [rows, columns] : [columns, rows];
  const matrix = new Matrix(short, long);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at++) {
      const x = (values[at] as number) / scale;
      if (wide) matrix.set(row, column, x);
      else matrix.set(column, row, x);
    }
  }
  const { diagonal } = new SingularValueDecomposition(matrix, {
    computeLeftSingularVectors: false,
    computeRightSingularVectors: false,
    autoTranspose: true,
  });
  return diagonal.slice(0, short).map((sigma) => Math.min(sigma * scale, Number.MAX_VALUE));
}

/**
 * What singular values, the largest first, say about a matrix whose longer side is `side`; null where all of them are
 * zero, or there are none.
 */
export function describeSpectrum(sigmas: readonly number[], side: number): Spectrum | null {
  const [spectralNorm = 0] = sigmas;
  if (!(spectralNorm > 0)) return null;
  const relative = sigmas.map((sigma) => sigma / spectralNorm).filter((x) => x > side * Number.EPSILON);
  const sum = relative.reduce((total, x) => total + x, 0);
  const entropy = relative.reduce((total, x) => total - (x / sum) * Math.log(x / sum), 0);
  const squares = relative.map((x) => x * x);
  const fit = fitPowerLaw(squares);
  return {
    spectralNorm,
    rank: relative.length,
    effectiveRank: Math.exp(entropy),
    stableRank: squares.reduce((total, x) => total + x, 0),
    alpha: fit?.alpha ?? null,
    tail: fit?.tail ?? null,
    tailDistance: fit?.distance ?? null,
  };
}

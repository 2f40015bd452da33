import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { gramMatrix } from "./gram.ts";
import { fitPowerLaw } from "./power-law.ts";

/** What the singular values of a matrix say about it. */
export interface Spectrum {
  /** The largest singular value; at most Number.MAX_VALUE, so that it survives JSON. */
  readonly spectralNorm: number;
  /** Singular values above zero: the rank, as far as `singularValues` can tell. */
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

/** What the singular values of a matrix cost: products for the Gram matrix, and four for each of its own cubed. */
export function spectrumWork(rows: number, columns: number): number {
  const [short, long] = rows < columns ? [rows, columns] : [columns, rows];
  return short * short * (long / 2 + 4 * short) + rows * columns;
}

/**
 * Singular values of a matrix given row by row, the largest first: roots of the eigenvalues of its Gram matrix. All
 * elements must be finite. Values below the largest times the root of (longer side times 2^-52), some 10^-7, cannot be
 * told from zero this way, and are zero. A decomposition of the matrix itself would resolve them, but the library's
 * does not end for every matrix: not for 64 by 64 ones. Takes about 1 ns times {@link spectrumWork}.
 */
export function singularValues(values: Float64Array, rows: number, columns: number): number[] {
  const [short, long] = rows < columns ? [rows, columns] : [columns, rows];
  const scale = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  if (short === 0 || scale === 0) return new Array<number>(short).fill(0);
  const eigenvalues = eigenvaluesOf(gramMatrix(values, rows, columns, scale), short).toSorted((a, b) => b - a);
  if (!eigenvalues.every(Number.isFinite)) throw new Error("the decomposition gave no numbers");
  const resolved = (eigenvalues[0] as number) * long * Number.EPSILON;
  return eigenvalues.map((x) => (x > resolved ? Math.min(Math.sqrt(x) * scale, Number.MAX_VALUE) : 0));
}

/** Eigenvalues of a symmetric matrix of which one half is given. */
function eigenvaluesOf(half: Float64Array, side: number): number[] {
  if (side === 1) return [half[0] as number];
  const matrix = new Matrix(side, side);
  for (let i = 0; i < side; i++) {
    for (let j = 0; j <= i; j++) {
      const x = half[i * side + j] as number;
      matrix.set(i, j, x);
      matrix.set(j, i, x);
    }
  }
  return new EigenvalueDecomposition(matrix, { assumeSymmetric: true }).realEigenvalues;
}

/** What singular values, the largest first, say about a matrix; null where all of them are zero, or there are none. */
export function describeSpectrum(sigmas: readonly number[]): Spectrum | null {
  const [spectralNorm = 0] = sigmas;
  if (!(spectralNorm > 0)) return null;
  const relative = sigmas.map((sigma) => sigma / spectralNorm).filter((x) => x > 0);
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

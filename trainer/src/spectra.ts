import { EigenvalueDecomposition, Matrix } from "ml-matrix";

/** The smaller side of the largest matrix that is decomposed: 256 x 256 takes about 60 ms, and it grows with the cube. */
export const LARGEST_SIDE = 256;
/** Eigenvalues that a power law is fitted to at least: with fewer the fit follows its own noise. */
const LEAST_TAIL = 10;

export interface Spectrum {
  /** Frobenius norm. */
  readonly norm: number;
  /** Null where the matrix is zero, not finite or too large. */
  readonly effectiveRank: number | null;
  /** Null there too, and where it has too few eigenvalues above zero. */
  readonly alpha: number | null;
}

/** What a matrix's singular values say; `values` row by row. */
export function measureSpectrum([rows = 0, columns = 0]: readonly number[], values: Float32Array): Spectrum {
  const norm = Math.sqrt(sumOfSquares(values));
  if (Math.min(rows, columns) > LARGEST_SIDE || !Number.isFinite(norm) || norm === 0) {
    return { norm, effectiveRank: null, alpha: null };
  }
  const singular = singularValues(rows, columns, values);
  return { norm, effectiveRank: effectiveRank(singular), alpha: powerLawExponent(singular.map((value) => value ** 2)) };
}

/**
 * In falling order: roots of the eigenvalues of the Gram matrix over the shorter side. What lies below some 1e-7 of the
 * largest cannot be told from zero this way, and is zero. The library's own decomposition of a matrix would tell, but
 * does not end for every one.
 */
export function singularValues(rows: number, columns: number, values: Float32Array): number[] {
  const matrix = Matrix.from1DArray(rows, columns, Array.from(values));
  const gram = rows <= columns ? matrix.mmul(matrix.transpose()) : matrix.transpose().mmul(matrix);
  const eigenvalues = new EigenvalueDecomposition(gram, { assumeSymmetric: true }).realEigenvalues;
  const sorted = eigenvalues.toSorted((x, y) => y - x);
  const resolved = (sorted[0] ?? 0) * Math.max(rows, columns) * Number.EPSILON;
  return sorted.map((value) => (value > resolved ? Math.sqrt(value) : 0));
}

/** exp of the Shannon entropy (in nats) of the singular values over their sum (Roy and Vetterli 2007). */
export function effectiveRank(singular: readonly number[]): number {
  const sum = singular.reduce((sum, value) => sum + value, 0);
  const shares = singular.map((value) => value / sum).filter((share) => share > 0);
  return Math.exp(-shares.reduce((entropy, share) => entropy + share * Math.log(share), 0));
}

/**
 * Exponent alpha of a power law p(x) ~ x^-alpha for the eigenvalues x of W^T W above some least one, as Martin and
 * Mahoney measure layers (2021, JMLR 22, arXiv 1810.01075): maximum likelihood (Hill's estimator), alpha = 1 + n / sum
 * ln(x / least), with the least that brings the fit nearest to the data by Kolmogorov and Smirnov's distance (Clauset,
 * Shalizi and Newman 2009, SIAM Review 51). Null for fewer eigenvalues above zero than a fit needs.
 */
export function powerLawExponent(eigenvalues: readonly number[]): number | null {
  const sorted = eigenvalues.filter((value) => value > 0).toSorted((x, y) => x - y);
  let best: { alpha: number; distance: number } | null = null;
  for (let start = 0; start + LEAST_TAIL <= sorted.length; start++) {
    const tail = sorted.slice(start);
    const [least = Number.NaN] = tail;
    const logs = tail.reduce((sum, value) => sum + Math.log(value / least), 0);
    if (logs === 0) continue;
    const alpha = 1 + tail.length / logs;
    let distance = 0;
    tail.forEach((value, i) => {
      const fitted = 1 - (value / least) ** (1 - alpha);
      distance = Math.max(distance, Math.abs(fitted - i / tail.length), Math.abs(fitted - (i + 1) / tail.length));
    });
    if (best === null || distance < best.distance) best = { alpha, distance };
  }
  return best?.alpha ?? null;
}

function sumOfSquares(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}

// Moments of an order parameter over a sample of independent members, with their standard errors.

/** Fewer members say nothing of a variance: its own standard error is then about as large as it is. */
export const MINIMUM_MEMBERS = 5;

/** Standard errors by which the cumulant must differ from 0 before its sign is told. */
const SIGN_TOLD = 3;

/** An estimate at a step or a setting, with its standard error. */
export interface Estimate {
  at: number;
  value: number;
  se: number;
}

/** What the members' values say together. m is rescaled accuracy, a pure number; so is all of this. */
export interface Moments {
  members: number;
  /** <m>, the order parameter. */
  m: number;
  mSe: number;
  /** chi = N Var(m). */
  susceptibility: number;
  susceptibilitySe: number;
  /** U = 1 - <m^4> / (3 <m^2>^2); null where every m is 0. */
  cumulant: number | null;
  cumulantSe: number | null;
  /** 1 or -1 where U is above or below 0 by more than 3 standard errors, else 0. */
  cumulantSign: -1 | 0 | 1;
}

/**
 * Order parameter, susceptibility and Binder cumulant of one value per member; null for fewer than 5 members.
 *
 * - chi = N Var(m), with the unbiased variance (divisor members - 1). N is what m is a mean over: spins of a lattice,
 *   examples of a split. Then chi is at most about 1/4 where the N flip each on its own, and of the order of N where
 *   they flip together. N only scales: chi of runs on different N do not compare unless N is the size of the system.
 * - U as in Binder 1981 (Z. Phys. B 43, 119). 2/3 where all members agree on m; 0 for a normal distribution about 0;
 *   1 - 1/(3p) where a share p of the members is at one level and the rest at 0, so below 0 while p < 1/3.
 * - Standard errors by the jackknife over members (Efron 1982), which takes no random numbers. The sign of U is told
 *   from <m^4> - 3 <m^2>^2, whose jackknife holds where U itself is a ratio with a small denominator.
 */
export function momentsOf(values: readonly number[], size: number): Moments | null {
  const members = values.length;
  if (members < MINIMUM_MEMBERS) return null;
  const [squares, fourths] = [sum(values.map((m) => m ** 2)), sum(values.map((m) => m ** 4))];
  const gapOf = (second: number, fourth: number, n: number) => fourth / n - 3 * (second / n) ** 2;
  const ratioOf = (second: number, fourth: number, n: number) => 1 - (fourth * n) / (3 * second ** 2);
  const left = values.map((m) => [squares - m ** 2, fourths - m ** 4] as const);
  const gap = gapOf(squares, fourths, members);
  const gapSe = jackknifeSe(left.map(([second, fourth]) => gapOf(second, fourth, members - 1)));
  const { value: susceptibility, leftOut } = susceptibilityOf(values, size);
  const [defined, told] = [squares > 0, left.every(([second]) => second > ROUNDING * squares)];
  return {
    members,
    m: sum(values) / members,
    mSe: Math.sqrt(susceptibility / size / members),
    susceptibility,
    susceptibilitySe: jackknifeSe(leftOut),
    cumulant: defined ? ratioOf(squares, fourths, members) : null,
    cumulantSe: defined && told ? jackknifeSe(left.map(([s, f]) => ratioOf(s, f, members - 1))) : null,
    cumulantSign: !defined || Math.abs(gap) <= SIGN_TOLD * gapSe ? 0 : gap > 0 ? -1 : 1,
  };
}

/** What is left of a sum by taking its only addend away. */
const ROUNDING = 1e-12;

/** chi of the values, and chi with each of them left out in turn. */
export function susceptibilityOf(values: readonly number[], size: number): { value: number; leftOut: number[] } {
  const n = values.length;
  const mean = sum(values) / n;
  const squares = values.map((value) => (value - mean) ** 2);
  const total = sum(squares);
  // Leaving one out moves the mean too: that is the factor n / (n - 1).
  const leftOut = squares.map((square) => (size * Math.max(0, total - (square * n) / (n - 1))) / (n - 2));
  return { value: (size * total) / (n - 1), leftOut };
}

/** Standard error from the statistic with each member left out in turn: sqrt((n - 1)/n sum (x_i - mean)^2). */
export function jackknifeSe(leftOut: readonly number[]): number {
  const n = leftOut.length;
  const mean = sum(leftOut) / n;
  return Math.sqrt(((n - 1) / n) * sum(leftOut.map((value) => (value - mean) ** 2)));
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

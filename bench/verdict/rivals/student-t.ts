/**
 * Two-sided p-value of Student's t with `freedom` degrees of freedom: I_x(freedom/2, 1/2) at x = freedom / (freedom +
 * t^2) (Abramowitz and Stegun 26.7.1), the regularized incomplete beta function by its continued fraction (26.5.8).
 */
export function twoSidedP(t: number, freedom: number): number {
  const t2 = t * t;
  if (t2 === Number.POSITIVE_INFINITY) return 0;
  const [a, b] = [freedom / 2, 0.5];
  const [x, rest] = [freedom / (freedom + t2), t2 / (freedom + t2)];
  if (rest === 0) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(rest));
  // The fraction converges fast below the mean of the distribution; above it, the complement's does.
  return x < (a + 1) / (a + b + 2) ? (front * fraction(x, a, b)) / a : 1 - (front * fraction(rest, b, a)) / b;
}

/** The continued fraction of the incomplete beta function, evaluated forwards as a ratio of its convergents (Lentz). */
function fraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1) || tiny);
  let value = d;
  for (let k = 1; k <= 300; k += 1) {
    const even = (k * (b - k) * x) / ((a + 2 * k - 1) * (a + 2 * k));
    d = 1 / (1 + even * d || tiny);
    c = 1 + even / c || tiny;
    value *= c * d;
    const odd = (-(a + k) * (a + b + k) * x) / ((a + 2 * k) * (a + 2 * k + 1));
    d = 1 / (1 + odd * d || tiny);
    c = 1 + odd / c || tiny;
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-14) break;
  }
  return value;
}

/** Stirling's series for log Gamma after shifting the argument above 10 (Abramowitz and Stegun 6.1.41), to 1e-13. */
function logGamma(z: number): number {
  let shift = 0;
  let x = z;
  for (; x < 10; x += 1) shift += Math.log(x);
  const r = 1 / (x * x);
  const tail = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r / 1188)))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + tail - shift;
}

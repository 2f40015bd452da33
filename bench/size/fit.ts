export interface Sample {
  /** MB. */
  size: number;
  value: number;
}

/**
 * Fits value = fixed + perMegabyte * size. Small and large sizes count alike: it is the relative error whose squares are
 * least.
 */
export function fitLine(samples: readonly Sample[]): { fixed: number; perMegabyte: number } {
  const weighted = samples.map(({ size, value }) => ({ x: size, y: value, w: 1 / value ** 2 }));
  const sum = (of: (s: (typeof weighted)[number]) => number) => weighted.reduce((total, s) => total + s.w * of(s), 0);
  const [w, x, y] = [sum(() => 1), sum((s) => s.x), sum((s) => s.y)];
  const perMegabyte = (w * sum((s) => s.x * s.y) - x * y) / (w * sum((s) => s.x ** 2) - x ** 2);
  return { fixed: (y - perMegabyte * x) / w, perMegabyte };
}

/** The exponent p of value ~ size^p: the slope of a straight line through the logarithms. */
export function exponentOf(samples: readonly Sample[]): number {
  const points = samples.map(({ size, value }) => [Math.log(size), Math.log(value)] as const);
  const mean = (at: 0 | 1) => points.reduce((total, point) => total + point[at], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const across = points.reduce((total, point) => total + (point[0] - x) * (point[1] - y), 0);
  return across / points.reduce((total, point) => total + (point[0] - x) ** 2, 0);
}

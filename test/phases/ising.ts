// The two-dimensional Ising model: a system whose critical point is known, to test what claims to find one.

/** Onsager 1944, in units of the coupling. */
export const CRITICAL_TEMPERATURE = 2 / Math.log(1 + Math.SQRT2);

/** Seeded uniform numbers in [0, 1): mulberry32. */
export function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Chance that a cluster takes in an aligned neighbour: what makes the samples those of temperature T (Wolff 1989). */
export const wolff = (temperature: number): number => 1 - Math.exp(-2 / temperature);

/**
 * |m| of `count` configurations of length x length spins on a torus. Between two of them clusters are flipped until as
 * many spins as the lattice has were, so they are nearly independent.
 */
export function sampleIsing(length: number, bond: number, count: number, random: () => number): number[] {
  const sites = length * length;
  const spins = new Int8Array(sites).fill(1);
  const stack = new Int32Array(sites);
  const neighbours = neighboursOf(length);
  let total = sites;

  const flipCluster = (): number => {
    const start = Math.floor(random() * sites);
    const spin = spins[start] ?? 1;
    let [waiting, flipped] = [1, 1];
    stack[0] = start;
    spins[start] = -spin;
    while (waiting > 0) {
      waiting -= 1;
      const site = stack[waiting] ?? 0;
      for (let side = 0; side < 4; side++) {
        const next = neighbours[4 * site + side] ?? 0;
        if (spins[next] !== spin || random() >= bond) continue;
        spins[next] = -spin;
        stack[waiting] = next;
        waiting += 1;
        flipped += 1;
      }
    }
    total -= 2 * spin * flipped;
    return flipped;
  };

  const sweep = () => {
    for (let flipped = 0; flipped < sites; ) flipped += flipCluster();
  };
  for (let i = 0; i < 100; i++) sweep();
  return Array.from({ length: count }, () => {
    sweep();
    return Math.abs(total) / sites;
  });
}

/** Right, left, below and above each site, row by row. */
function neighboursOf(length: number): Int32Array {
  const at = (row: number, column: number) => ((row + length) % length) * length + ((column + length) % length);
  const sites = Array.from({ length: length * length }, (_, i) => [Math.floor(i / length), i % length] as const);
  return Int32Array.from(
    sites.flatMap(([row, column]) => [
      at(row, column + 1),
      at(row, column - 1),
      at(row + 1, column),
      at(row - 1, column),
    ]),
  );
}

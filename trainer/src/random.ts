// Our own seeded generator, so that a run can be repeated on any machine: Math.random() cannot be seeded.

export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** A shuffled copy. */
  shuffle<T>(items: readonly T[]): T[];
}

/** One stream per purpose, so that drawing more initial weights never moves the splits. */
export function createRandom(seed: number, purpose: string): Random {
  const next = sfc32(seed, hash(purpose));
  const uniform = () => next() / 2 ** 32;
  return {
    uniform,
    // Box-Muller; 1 - u keeps the logarithm away from zero.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    shuffle(items) {
      // Sorting by random keys is as fair as Fisher-Yates while no two keys collide, and the index breaks ties.
      return items
        .map((item, index) => ({ item, index, key: next() }))
        .sort((x, y) => x.key - y.key || x.index - y.index)
        .map(({ item }) => item);
    },
  };
}

/** Chris Doty-Humphrey's Small Fast Counter: 128 bits of state, passes PractRand. */
function sfc32(seed: number, stream: number): () => number {
  let a = seed >>> 0;
  let b = Math.floor(seed / 2 ** 32) >>> 0;
  let c = stream >>> 0;
  let counter = 1;
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  // Neighbouring seeds start alike: these rounds part them.
  for (let round = 0; round < 16; round++) next();
  return next;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

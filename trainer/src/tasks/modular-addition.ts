import type { Random } from "../random.ts";
import type { Split, Task } from "./task.ts";

export interface ModularAdditionSettings {
  /** p in (a + b) mod p; the whole world is a table of p x p pairs. */
  readonly modulus: number;
  /** Share of the table to train on. */
  readonly trainShare: number;
  /** Side of the square at the table's end that is held out of everything but its own split. */
  readonly cornerSide: number;
  /** How many pairs to hold out because their mirror is trained on. */
  readonly mirrorPairs: number;
}

type Pair = readonly [a: number, b: number];

/**
 * Addition modulo p, split four ways:
 * - `ood:corner`: a square of the table, so both operands are known but never near each other;
 * - `ood:mirror`: (a, b) where (b, a) is in train. A network with one table per operand does not know that
 *   addition commutes, so what it memorized of (b, a) is of no use to it;
 * - `train`: of the rest, at random but evenly;
 * - `validation`: what is left.
 */
export function modularAddition(settings: ModularAdditionSettings, random: Random): Task {
  const { modulus, trainShare, cornerSide, mirrorPairs } = settings;
  const cornerStart = modulus - cornerSide;
  const inCorner = ([a, b]: Pair) => a >= cornerStart && b >= cornerStart;

  const table: Pair[] = [];
  for (let a = 0; a < modulus; a++) for (let b = 0; b < modulus; b++) table.push([a, b]);
  const corner = table.filter(inCorner);

  // The corner is its own mirror image, so outside of it every pair's mirror is outside too.
  const swappable = table.filter(([a, b]) => a < b && !inCorner([a, b]));
  const chosen = random.shuffle(swappable).slice(0, mirrorPairs);
  const oriented = chosen.map(([a, b]): [Pair, Pair] => {
    const pair: Pair = [a, b];
    const mirror: Pair = [b, a];
    return random.uniform() < 0.5 ? [pair, mirror] : [mirror, pair];
  });
  const mirror = oriented.map(([heldOut]) => heldOut);
  const counterparts = oriented.map(([, trained]) => trained);

  const key = ([a, b]: Pair) => a * modulus + b;
  const taken = new Set([...corner, ...mirror, ...counterparts].map(key));
  const rest = random.shuffle(table.filter((pair) => !taken.has(key(pair))));
  const train = counterparts.concat(takeEvenly(modulus, rest, counterparts, Math.floor(table.length * trainShare)));
  const trained = new Set(train.map(key));
  const validation = rest.filter((pair) => !trained.has(key(pair)));

  const toSplit = (pairs: readonly Pair[]): Split => ({
    inputs: { a: Int32Array.from(pairs, ([a]) => a), b: Int32Array.from(pairs, ([, b]) => b) },
    target: Int32Array.from(pairs, ([a, b]) => (a + b) % modulus),
  });
  return {
    name: `add${modulus}`,
    classes: modulus,
    splits: new Map([
      ["train", toSplit(train)],
      ["validation", toSplit(validation)],
      ["ood:corner", toSplit(corner)],
      ["ood:mirror", toSplit(mirror)],
    ]),
  };
}

/**
 * Adds pairs of the pool to `start`, until there are `size`, so that every operand and every sum is trained on equally
 * often. By chance alone those that lose pairs to the corner are seen least, and some seeds never learn all of it.
 */
function takeEvenly(modulus: number, pool: readonly Pair[], start: readonly Pair[], size: number): Pair[] {
  const seen = new Uint16Array(3 * modulus);
  const kindsOf = ([a, b]: Pair) => [a, modulus + b, 2 * modulus + ((a + b) % modulus)];
  const see = (kinds: readonly number[]) => {
    for (const kind of kinds) seen[kind] = (seen[kind] ?? 0) + 1;
  };
  for (const pair of start) see(kindsOf(pair));

  const left = pool.map((pair) => ({ pair, kinds: kindsOf(pair) }));
  const taken: Pair[] = [];
  while (start.length + taken.length < size) {
    let rarest = 0;
    let fewest = Number.POSITIVE_INFINITY;
    left.forEach(({ kinds }, index) => {
      let times = 0;
      for (const kind of kinds) times += seen[kind] ?? 0;
      if (times < fewest) [rarest, fewest] = [index, times];
    });
    const [next] = left.splice(rarest, 1);
    if (next === undefined) throw new Error("the splits do not fit into the table");
    taken.push(next.pair);
    see(next.kinds);
  }
  return taken;
}

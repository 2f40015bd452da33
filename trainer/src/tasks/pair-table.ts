import type { Random } from "../random.ts";
import { UsageError } from "../usage-error.ts";
import type { Split, SplitName, Task } from "./task.ts";

/** A function of two operands, each a symbol, over all pairs for which it is defined. */
export interface PairTable {
  readonly name: string;
  /** How many symbols an operand has. */
  readonly symbols: number;
  readonly classes: number;
  /** The class of a pair, or null where the function is not defined. */
  readonly rule: (a: number, b: number) => number | null;
}

export interface PairSplitSettings {
  /** Share of the table to train on. */
  readonly trainShare: number;
  /** Side of the square at the table's end that is held out of everything but its own split. */
  readonly cornerSide: number;
  /** How many pairs to hold out because their mirror is trained on. */
  readonly mirrorPairs: number;
  /** How many first operands are trained on in `rareKept` pairs only. */
  readonly rareOperands: number;
  readonly rareKept: number;
}

/** S5 has 14,400. To draw train evenly takes a time that grows with the square of it. */
const MOST_PAIRS = 100_000;

type Pair = readonly [a: number, b: number];

/** Throws where a table of so many symbols would be too large. */
export function checkTableSize(symbols: number): void {
  const most = Math.floor(Math.sqrt(MOST_PAIRS));
  if (symbols <= most) return;
  throw new UsageError(
    `a table of ${symbols} symbols is too large: there may be ${most} (--modulus; permutations of --symbols)`,
  );
}

/**
 * A table of pairs, split up to five ways (a split of no pairs is left out):
 * - `ood:corner`: a square of the table, so both operands are known but never near each other;
 * - `ood:mirror`: (a, b) where (b, a) is in train. A network with one table per operand does not know what swapping
 *   them does, so what it memorized of (b, a) is of no use to it;
 * - `ood:rare`: first operands that train has seen with a few partners only, with all others;
 * - `train`: of the rest, at random but evenly;
 * - `validation`: what is left.
 */
export function splitPairTable(table: PairTable, settings: PairSplitSettings, random: Random): Task {
  const { symbols, rule } = table;
  checkTableSize(symbols);
  const { trainShare, cornerSide, mirrorPairs, rareOperands, rareKept } = settings;
  refuseMore("--corner-side", cornerSide, symbols);
  const cornerStart = symbols - cornerSide;
  refuseMore("--rare-operands", rareOperands, cornerStart);
  const inCorner = ([a, b]: Pair) => a >= cornerStart && b >= cornerStart;
  const key = ([a, b]: Pair) => a * symbols + b;
  const mirrorOf = ([a, b]: Pair): Pair => [b, a];

  const answerTo = ([a, b]: Pair): number => {
    const answer = rule(a, b);
    if (answer === null) throw new Error(`${table.name} has no answer to ${a}, ${b}`);
    return answer;
  };
  const pairs: Pair[] = [];
  for (let a = 0; a < symbols; a++) for (let b = 0; b < symbols; b++) if (rule(a, b) !== null) pairs.push([a, b]);
  const defined = new Set(pairs.map(key));
  const corner = pairs.filter(inCorner);

  const rarePairs: Pair[] = [];
  const rareTrained: Pair[] = [];
  const frequent = Array.from({ length: cornerStart }, (_, a) => a);
  const rareFirst = new Set(rareOperands === 0 ? [] : random.shuffle(frequent).slice(0, rareOperands));
  for (const a of rareFirst) {
    const row = random.shuffle(pairs.filter(([first]) => first === a));
    rareTrained.push(...row.slice(0, rareKept));
    rarePairs.push(...row.slice(rareKept));
  }

  // The corner is its own mirror image, so outside of it every pair's mirror is outside too.
  const swappable = pairs.filter(
    (pair) =>
      pair[0] < pair[1] &&
      !inCorner(pair) &&
      defined.has(key(mirrorOf(pair))) &&
      !rareFirst.has(pair[0]) &&
      !rareFirst.has(pair[1]),
  );
  refuseMore("--mirror-pairs", mirrorPairs, swappable.length);
  const oriented = random
    .shuffle(swappable)
    .slice(0, mirrorPairs)
    .map((pair): [Pair, Pair] => (random.uniform() < 0.5 ? [pair, mirrorOf(pair)] : [mirrorOf(pair), pair]));
  const mirror = oriented.map(([heldOut]) => heldOut);
  const chosen = [...oriented.map(([, trained]) => trained), ...rareTrained];

  const taken = new Set([...corner, ...mirror, ...rarePairs, ...chosen].map(key));
  const rest = random.shuffle(pairs.filter((pair) => !taken.has(key(pair))));
  const size = Math.floor(pairs.length * trainShare);
  const most = chosen.length + rest.length;
  if (size < chosen.length || size > most) {
    throw new UsageError(
      `--train-share ${trainShare} is ${size} of ${pairs.length} pairs: it must be at least ${chosen.length}, the ` +
        `partners of --mirror-pairs and --rare-kept, and at most ${most}, what the probes leave`,
    );
  }
  const train = chosen.concat(takeEvenly({ ...table, answerTo }, rest, chosen, size - chosen.length));
  const trained = new Set(train.map(key));
  const validation = rest.filter((pair) => !trained.has(key(pair)));

  const toSplit = (pairs: readonly Pair[]): Split => ({
    inputs: { a: Int32Array.from(pairs, ([a]) => a), b: Int32Array.from(pairs, ([, b]) => b) },
    target: Int32Array.from(pairs, answerTo),
  });
  const splits: [SplitName, readonly Pair[]][] = [
    ["train", train],
    ["validation", validation],
    ["ood:corner", corner],
    ["ood:mirror", mirror],
    ["ood:rare", rarePairs],
  ];
  return {
    name: table.name,
    inputs: new Map([
      ["a", { kind: "symbol", size: symbols }],
      ["b", { kind: "symbol", size: symbols }],
    ]),
    classes: table.classes,
    splits: new Map(
      splits.filter(([, pairs]) => pairs.length > 0).map(([name, pairs]): [SplitName, Split] => [name, toSplit(pairs)]),
    ),
  };
}

function refuseMore(flag: string, asked: number, most: number): void {
  if (asked > most) throw new UsageError(`${flag} must be at most ${most} in this table, got ${asked}`);
}

/**
 * `count` pairs of the pool, so that with those of `start` every operand and every answer is trained on equally often.
 * By chance alone those that lose pairs to the corner are seen least, and some seeds never learn all of it.
 */
function takeEvenly(
  { symbols, classes, answerTo }: Pick<PairTable, "symbols" | "classes"> & { answerTo(pair: Pair): number },
  pool: readonly Pair[],
  start: readonly Pair[],
  count: number,
): Pair[] {
  const seen = new Uint16Array(2 * symbols + classes);
  const kindsOf = (pair: Pair) => [pair[0], symbols + pair[1], 2 * symbols + answerTo(pair)];
  const see = (kinds: readonly number[]) => {
    for (const kind of kinds) seen[kind] = (seen[kind] ?? 0) + 1;
  };
  for (const pair of start) see(kindsOf(pair));

  const left = pool.map((pair) => ({ pair, kinds: kindsOf(pair) }));
  const taken: Pair[] = [];
  while (taken.length < count) {
    let rarest = 0;
    let fewest = Number.POSITIVE_INFINITY;
    left.forEach(({ kinds }, index) => {
      let times = 0;
      for (const kind of kinds) times += seen[kind] ?? 0;
      if (times < fewest) [rarest, fewest] = [index, times];
    });
    for (const { pair, kinds } of left.splice(rarest, 1)) {
      taken.push(pair);
      see(kinds);
    }
  }
  return taken;
}

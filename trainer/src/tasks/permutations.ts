import { checkTableSize, type PairTable } from "./pair-table.ts";

/** Composition in the symmetric group of `count` symbols: (a b)(i) = a(b(i)). S5 has 120 elements. */
export function permutationTable(count: number): PairTable {
  // Before they are listed: 12 symbols have 479 million permutations.
  checkTableSize(Array.from({ length: count }, (_, i) => i + 1).reduce((product, factor) => product * factor, 1));
  const elements = permutationsOf(Array.from({ length: count }, (_, i) => i));
  const index = new Map(elements.map((element, i) => [element.join(), i]));
  return {
    name: `s${count}`,
    symbols: elements.length,
    classes: elements.length,
    rule: (a, b) => index.get((elements[b] ?? []).map((i) => elements[a]?.[i]).join()) ?? null,
  };
}

/** In lexicographic order. */
function permutationsOf(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((first, at) => permutationsOf(items.toSpliced(at, 1)).map((rest) => [first, ...rest]));
}

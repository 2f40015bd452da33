import { ShiftError, type SplitTables } from "./suite-file.ts";

// A row may have several targets, and be asked for some of them.

export const targetsOf = ({ tables, rows }: SplitTables): Float64Array => {
  const target = tables.get("target");
  if (!target || rows === 0) throw new ShiftError("a split has no target");
  return target.values;
};
export const widthOfTargets = (split: SplitTables): number => targetsOf(split).length / split.rows;
export const askedOf = (split: SplitTables): number[] =>
  Array.from({ length: widthOfTargets(split) }, (_, target) => countAsked(split, target));
export const isAsked = (split: SplitTables, target: number): boolean => countAsked(split, target) > 0;

/** How many rows are asked for a target. */
export function countAsked(split: SplitTables, target: number): number {
  const mask = split.tables.get("target_mask")?.values;
  const width = widthOfTargets(split);
  if (!mask) return split.rows;
  let asked = 0;
  for (let n = target; n < mask.length; n += width) if (mask[n] !== 0) asked += 1;
  return asked;
}

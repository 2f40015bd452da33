const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const WORD = /^([+-]?)(?:(nan)|inf(?:inity)?)$/i;

/**
 * A cell as a number: null for an empty one, NaN and the infinities as they are, undefined for anything else. What
 * JavaScript would take besides (hexadecimal, separators, true) is no number here.
 */
export function readNumber(cell: unknown): number | null | undefined {
  if (typeof cell === "number") return cell;
  if (cell === null || cell === undefined) return null;
  if (typeof cell !== "string") return undefined;
  const text = cell.trim();
  if (text === "") return null;
  if (DECIMAL.test(text)) return Number(text);
  const [word, sign, nan] = WORD.exec(text) ?? [];
  if (word === undefined) return undefined;
  if (nan !== undefined) return Number.NaN;
  return sign === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

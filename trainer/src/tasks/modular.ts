import { UsageError } from "../usage-error.ts";
import type { PairTable } from "./pair-table.ts";

/** Functions of two numbers modulo a prime p (Power et al. 2022, appendix A.1.1). */
const rules = {
  add: (a, b) => a + b,
  subtract: (a, b, p) => a - b + p,
  multiply: (a, b) => a * b,
  divide: (a, b, p) => (b === 0 ? null : a * inverse(b, p)),
  squares: (a, b) => a * a + b * b,
  quadratic: (a, b) => a * a + a * b + b * b,
} satisfies Record<string, (a: number, b: number, p: number) => number | null>;

export type ModularName = keyof typeof rules;
export const modularNames = Object.keys(rules) as ModularName[];

/** Throws unless `modulus` is a prime: with any other division is not defined, and the tasks are not the papers'. */
export function modularTable(name: ModularName, modulus: number): PairTable {
  if (!isPrime(modulus)) throw new UsageError(`--modulus must be a prime, got ${modulus}`);
  return {
    name: `${name}${modulus}`,
    symbols: modulus,
    classes: modulus,
    rule: (a, b) => {
      const value = rules[name](a, b, modulus);
      return value === null ? null : value % modulus;
    },
  };
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return n >= 2;
}

/** Fermat: b^(p - 2) is the inverse of b modulo a prime p. */
function inverse(b: number, p: number): number {
  let result = 1;
  for (let i = 0; i < p - 2; i++) result = (result * b) % p;
  return result;
}

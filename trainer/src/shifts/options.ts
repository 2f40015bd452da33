import { ShiftError } from "./suite-file.ts";

/** `name:option=value,option=value`; several columns are joined by `+`. */
export interface ShiftRequest {
  readonly shift: string;
  readonly options: ReadonlyMap<string, string>;
}

export function parseShift(text: string): ShiftRequest {
  const colon = text.indexOf(":");
  const [shift, rest] = colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
  const options = new Map<string, string>();
  for (const part of rest === "" ? [] : rest.split(",")) {
    const equals = part.indexOf("=");
    if (equals < 1) throw new ShiftError(`"${part}" in "${text}" must be option=value`);
    options.set(part.slice(0, equals), part.slice(equals + 1));
  }
  return { shift, options };
}

/** Reads a shift's options, and remembers what each came to be. */
export class Options {
  readonly #given: ReadonlyMap<string, string>;
  readonly used: Record<string, string | number> = {};

  constructor(given: ReadonlyMap<string, string>) {
    this.#given = given;
  }

  number(name: string, otherwise: number, least: number, most = Number.POSITIVE_INFINITY): number {
    return this.#read(name, otherwise, [least, most], "a number");
  }

  whole(name: string, otherwise: number, least: number, most: number): number {
    return this.#read(name, otherwise, [least, most], "a whole number");
  }

  #read(
    name: string,
    otherwise: number,
    [least, most]: readonly [least: number, most: number],
    kind: "a number" | "a whole number",
  ): number {
    const text = this.#given.get(name);
    const value = text === undefined ? otherwise : text.trim() === "" ? Number.NaN : Number(text);
    if (!(value >= least && value <= most) || (kind === "a whole number" && !Number.isInteger(value))) {
      const range = most === Number.POSITIVE_INFINITY ? `from ${least}` : `from ${least} to ${most}`;
      throw new ShiftError(`${name} must be ${kind} ${range}, got "${text}"`);
    }
    this.used[name] = value;
    return value;
  }

  text(name: string, otherwise: string, allowed?: readonly string[]): string {
    const value = this.#given.get(name) ?? otherwise;
    if (allowed && !allowed.includes(value)) {
      throw new ShiftError(`${name} must be ${allowed.join(" or ")}, got "${value}"`);
    }
    this.used[name] = value;
    return value;
  }

  /** Null where it is not given. */
  list(name: string): string[] | null {
    const text = this.#given.get(name);
    if (text === undefined) return null;
    this.used[name] = text;
    return text.split("+");
  }

  /** Throws ShiftError for an option that nobody asked for. */
  end(shift: string): void {
    const unknown = [...this.#given.keys()].find((name) => name !== "as" && !(name in this.used));
    if (unknown)
      throw new ShiftError(`${shift} has no option "${unknown}": it takes ${Object.keys(this.used).join(", ")}`);
  }
}

import { quote, TensorFormatError } from "./errors.ts";

/** A value of the JSON that safetensors headers are made of. Objects are maps: keys are hostile (`__proto__`). */
export type HeaderValue = string | number | HeaderValue[] | Map<string, HeaderValue>;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const UNSIGNED = /0|[1-9][0-9]{0,15}/y;
const DEPTH = 3;

/**
 * Parses the subset of JSON a header may use: objects, arrays, strings and unsigned integers. JSON.parse would do but
 * for two things: it lets the last of two equal keys win, where other readers take the first, and it has no bounds on
 * what it builds.
 */
export function parseHeaderJson(text: string, maxValues: number): HeaderValue {
  let at = 0;
  let values = 0;

  const fail = (expected: string): never => {
    throw new TensorFormatError(
      "malformed_header",
      `The safetensors header is not the JSON it must be: ${expected} expected at character ${at}. Save the file again.`,
    );
  };
  const skipSpace = (): void => {
    while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++;
  };
  const take = (character: string): boolean => {
    skipSpace();
    if (text[at] !== character) return false;
    at++;
    return true;
  };
  const string = (): string => {
    const start = at;
    if (!take('"')) return fail("a string");
    // By hand: a regular expression needs stack for every character of a string that may be megabytes long.
    for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) {
      if (Number.isNaN(code)) return fail("the end of a string");
      at += code === BACKSLASH ? 2 : 1;
    }
    at++;
    try {
      return JSON.parse(text.slice(start, at));
    } catch {
      return fail("a string without broken escapes before");
    }
  };

  const value = (depth: number): HeaderValue => {
    if (depth > DEPTH) fail("nothing nested so deep");
    if (++values > maxValues) {
      throw new TensorFormatError(
        "header_too_large",
        `The safetensors header holds more than ${maxValues} values. Split the file.`,
      );
    }
    if (take("{")) {
      const map = new Map<string, HeaderValue>();
      if (take("}")) return map;
      do {
        const key = string();
        if (map.has(key)) {
          throw new TensorFormatError(
            "duplicate_name",
            `The safetensors header has the key ${quote(key)} twice. Names must be unique.`,
          );
        }
        if (!take(":")) fail('":"');
        map.set(key, value(depth + 1));
      } while (take(","));
      return take("}") ? map : fail('"," or "}"');
    }
    if (take("[")) {
      const list: HeaderValue[] = [];
      if (take("]")) return list;
      do list.push(value(depth + 1));
      while (take(","));
      return take("]") ? list : fail('"," or "]"');
    }
    if (text[at] === '"') return string();
    UNSIGNED.lastIndex = at;
    const digits = UNSIGNED.exec(text)?.[0] ?? fail("an object, an array, a string or an unsigned integer");
    at += digits.length;
    const number = Number(digits);
    return Number.isSafeInteger(number) ? number : fail("an integer below 2^53");
  };

  const root = value(0);
  skipSpace();
  return at === text.length ? root : fail("the end");
}

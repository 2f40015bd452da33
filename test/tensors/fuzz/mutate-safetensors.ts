import { withHeader } from "../safetensors-builder.ts";
import { damageBytes } from "./damage.ts";
import type { Random } from "./random.ts";

const TYPES = [
  "F64",
  "F32",
  "F16",
  "BF16",
  "F8_E4M3",
  "F8_E5M2",
  "I64",
  "I32",
  "U16",
  "I8",
  "U8",
  "BOOL",
  "C64",
  "f32",
];
const NUMBERS = [
  "0",
  "1",
  "2",
  "3",
  "4",
  "8",
  "16",
  "-1",
  "0.5",
  "1e3",
  "1e400",
  "00",
  "9007199254740991",
  "4294967296",
];
const STRINGS = ['""', '"w"', '"__proto__"', '"__metadata__"', '"\\ud800"', '"\\u0000"', '"\\', '"é"', '"\\u202e"'];
const VALUES = ["null", "true", "[]", "{}", "[[[[]]]]", '{"a":{"b":{"c":{}}}}', "[0,4]", '"x"', "1", ""];

/** A well-formed file with one to five changes of its header, of the header's length, or of its data. */
export function mutateSafetensors(random: Random, file: Uint8Array): Uint8Array {
  const length = new DataView(file.buffer, file.byteOffset).getUint32(0, true);
  let header = new TextDecoder().decode(file.subarray(8, 8 + length));
  let data = file.slice(8 + length);
  for (let changes = 1 + random.below(5); changes > 0; changes--) {
    if (random.once(6)) data = resize(random, data);
    else header = changeHeader(random, header);
  }
  const whole = withHeader(header, data);
  if (random.once(12)) lieAboutLength(random, whole);
  return damageBytes(random, whole);
}

function resize(random: Random, data: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const changed = new Uint8Array(random.once(2) ? random.below(data.length + 1) : data.length + random.below(40));
  changed.set(data.subarray(0, changed.length));
  return changed;
}

/** Replaces, doubles, drops or moves a token of the header's own: a number, a string, a tensor. */
function changeHeader(random: Random, header: string): string {
  const replace = (pattern: RegExp, by: (found: string) => string): string => {
    const found = [...header.matchAll(pattern)];
    const one = found.length > 0 ? random.pick(found) : undefined;
    if (one === undefined) return header;
    return header.slice(0, one.index) + by(one[0]) + header.slice(one.index + one[0].length);
  };
  const tensor = /"[^"]*":\{"dtype"[^}]*\},?/g;
  switch (random.below(10)) {
    case 0:
      return replace(/\d+/g, () => random.pick(NUMBERS));
    case 1:
      // By a little, so that sizes nearly agree.
      return replace(/\d+/g, (found) => String(Number(found) + random.pick([-1, 1, 2, 4])));
    case 2:
      return replace(/"dtype":"[^"]*"/g, () => `"dtype":"${random.pick(TYPES)}"`);
    case 3:
      return replace(/"[^"]*"/g, () => random.pick(STRINGS));
    case 4:
      return replace(/\[[^[\]]*\]/g, () => random.pick(VALUES));
    case 5:
      return replace(tensor, () => "");
    case 6:
      return replace(tensor, (found) => `${found}${found.endsWith(",") ? "" : ","}${found}`);
    case 7:
      return replace(tensor, (found) => found.replace(/"[^"]*"/, `"copy ${random.below(1000)}"`) + found);
    case 8:
      return replace(/[{}[\],:]/g, () => random.pick(["{", "}", "[", "]", ",", ":", " ", ""]));
    default:
      return replace(/"shape":\[/g, (found) => found + `${random.below(4)},`.repeat(random.below(70)));
  }
}

function lieAboutLength(random: Random, file: Uint8Array): void {
  const view = new DataView(file.buffer, file.byteOffset);
  const length = view.getUint32(0, true);
  view.setUint32(0, random.pick([0, 1, 2, length - 1, length + 1, file.length, 2 ** 22, 2 ** 22 + 1, 2 ** 31]), true);
  if (random.once(4)) view.setUint32(4, random.pick([1, 2 ** 21, 2 ** 31]), true);
}

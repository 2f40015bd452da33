import type { Random } from "./random.ts";

const BYTES = [0, 1, 0x7f, 0x80, 0xff, 0x08, 0x0a, 0x2a, 0x22, 0x5c, 0x7b, 0x7d, 0x2c];

/** Now and then, damage that knows nothing of structure: bytes changed, cut, copied, or added. */
export function damageBytes(random: Random, file: Uint8Array): Uint8Array {
  if (!random.once(4)) return file;
  const bytes = [...file];
  for (let edits = 1 + random.below(3); edits > 0; edits--) {
    const at = random.below(bytes.length + 1);
    switch (random.below(5)) {
      case 0:
        bytes[at] = random.pick(BYTES);
        break;
      case 1:
        bytes.splice(at, 0, random.below(256));
        break;
      case 2:
        bytes.splice(at, 1 + random.below(8));
        break;
      case 3:
        bytes.splice(at, 0, ...bytes.slice(at, at + random.below(64)));
        break;
      default:
        bytes.length = at;
    }
  }
  return Uint8Array.from(bytes);
}

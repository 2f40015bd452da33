/** Flags, eight to a byte, the first in the lowest bit. */
export function packBits(flags: ArrayLike<number>): Uint8Array {
  const packed = new Uint8Array(Math.ceil(flags.length / 8));
  for (let n = 0; n < flags.length; n += 1) {
    if (flags[n]) packed[n >> 3] = (packed[n >> 3] ?? 0) | (1 << (n & 7));
  }
  return packed;
}

export function hasBit(packed: Uint8Array, n: number): boolean {
  return (((packed[n >> 3] ?? 0) >> (n & 7)) & 1) === 1;
}

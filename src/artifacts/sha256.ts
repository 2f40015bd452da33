/** SHA-256 half-way: what `Sha256` needs to go on from. */
export interface Sha256State {
  /** The eight words of the hash so far. */
  words: number[];
  /** Bytes of the block that is not full yet, base64. */
  block: string;
  /** Bytes so far. */
  bytes: number;
}

/** First 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2). */
const K = Int32Array.from({ length: 64 }, (_, n) => fraction(Math.cbrt(prime(n))));
const START = Array.from({ length: 8 }, (_, n) => fraction(Math.sqrt(prime(n))));

function prime(n: number): number {
  let found = -1;
  for (let candidate = 2; ; candidate += 1) {
    let divisor = 2;
    while (divisor * divisor <= candidate && candidate % divisor !== 0) divisor += 1;
    if (divisor * divisor > candidate) found += 1;
    if (found === n) return candidate;
  }
}

function fraction(root: number): number {
  return ((root % 1) * 2 ** 32) | 0;
}

/**
 * SHA-256 (FIPS 180-4) that can be put down and taken up again in another process, which neither Web Crypto nor
 * workerd's DigestStream can: a file that takes several messages to read back has one digest.
 */
export class Sha256 {
  readonly #words: Int32Array;
  readonly #block = new Uint8Array(64);
  readonly #schedule = new Int32Array(64);
  #bytes: number;

  constructor(state: Sha256State = { words: START, block: "", bytes: 0 }) {
    this.#words = Int32Array.from(state.words);
    this.#bytes = state.bytes;
    this.#block.set(Uint8Array.from(atob(state.block), (c) => c.charCodeAt(0)));
  }

  update(chunk: Uint8Array): void {
    let at = 0;
    const filled = this.#bytes % 64;
    this.#bytes += chunk.length;
    if (filled > 0) {
      at = Math.min(64 - filled, chunk.length);
      this.#block.set(chunk.subarray(0, at), filled);
      if (filled + at < 64) return;
      this.#compress(this.#block, 0);
    }
    for (; at + 64 <= chunk.length; at += 64) this.#compress(chunk, at);
    this.#block.set(chunk.subarray(at));
  }

  state(): Sha256State {
    const block = btoa(String.fromCharCode(...this.#block.subarray(0, this.#bytes % 64)));
    return { words: [...this.#words], block, bytes: this.#bytes };
  }

  /** The digest of what has come so far; more may come after. */
  digest(): ArrayBuffer {
    const last = new Sha256(this.state());
    const padding = new Uint8Array(((119 - (this.#bytes % 64)) % 64) + 9);
    padding[0] = 0x80;
    new DataView(padding.buffer).setBigUint64(padding.length - 8, BigInt(this.#bytes) * 8n);
    last.update(padding);
    const digest = new DataView(new ArrayBuffer(32));
    last.#words.forEach((word, n) => {
      digest.setInt32(n * 4, word);
    });
    return digest.buffer;
  }

  #compress(bytes: Uint8Array, at: number): void {
    const w = this.#schedule;
    const words = this.#words;
    for (let i = 0, p = at; i < 16; i += 1, p += 4) {
      w[i] =
        ((bytes[p] as number) << 24) |
        ((bytes[p + 1] as number) << 16) |
        ((bytes[p + 2] as number) << 8) |
        (bytes[p + 3] as number);
    }
    for (let i = 16; i < 64; i += 1) {
      const x = w[i - 15] as number;
      const y = w[i - 2] as number;
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = ((w[i - 16] as number) + s0 + (w[i - 7] as number) + s1) | 0;
    }
    let a = words[0] as number;
    let b = words[1] as number;
    let c = words[2] as number;
    let d = words[3] as number;
    let e = words[4] as number;
    let f = words[5] as number;
    let g = words[6] as number;
    let h = words[7] as number;
    for (let i = 0; i < 64; i += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (K[i] as number) + (w[i] as number)) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    words[0] = ((words[0] as number) + a) | 0;
    words[1] = ((words[1] as number) + b) | 0;
    words[2] = ((words[2] as number) + c) | 0;
    words[3] = ((words[3] as number) + d) | 0;
    words[4] = ((words[4] as number) + e) | 0;
    words[5] = ((words[5] as number) + f) | 0;
    words[6] = ((words[6] as number) + g) | 0;
    words[7] = ((words[7] as number) + h) | 0;
  }
}

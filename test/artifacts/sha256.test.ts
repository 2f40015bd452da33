import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { Sha256 } from "../../src/artifacts/sha256.ts";

const hex = (digest: ArrayBuffer) => Buffer.from(digest).toString("hex");
const reference = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("the standard's own example", () => {
  const hash = new Sha256();
  hash.update(Buffer.from("abc"));
  // FIPS 180-2, B.1.
  expect(hex(hash.digest())).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("every length around the ends of blocks, in one piece and in two with a rest in between", () => {
  for (let length = 0; length <= 200; length += 1) {
    const bytes = randomBytes(length);
    const whole = new Sha256();
    whole.update(bytes);
    expect(hex(whole.digest()), `${length}`).toBe(reference(bytes));
    const cut = Math.floor(Math.random() * (length + 1));
    const before = new Sha256();
    before.update(bytes.subarray(0, cut));
    const after = new Sha256(JSON.parse(JSON.stringify(before.state())));
    after.update(bytes.subarray(cut));
    expect(hex(after.digest()), `${length} cut at ${cut}`).toBe(reference(bytes));
  }
});

test("many chunks of any size, and digests on the way", () => {
  const bytes = randomBytes(300_000);
  const hash = new Sha256();
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + Math.floor(Math.random() * 5000));
    hash.update(bytes.subarray(at, end));
    expect(hex(hash.digest())).toBe(reference(bytes.subarray(0, end)));
    at = end;
  }
});

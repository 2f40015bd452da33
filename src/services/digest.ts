import { DomainError } from "../errors.ts";

/** SHA-256 of bytes as `sha256:` and hex: how artifacts and suite versions are addressed. */
export async function sha256(bytes: Uint8Array<ArrayBuffer> | Uint8Array): Promise<string> {
  return formatDigest(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

export function formatDigest(digest: ArrayBuffer): string {
  return `sha256:${toHex(new Uint8Array(digest))}`;
}

/** `sha256:` and hex as the digest headers of RFC 9530 have it. */
export function formatContentDigest(digest: string): string {
  const bytes = (digest.slice("sha256:".length).match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  return `sha-256=:${btoa(String.fromCharCode(...bytes))}:`;
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A member of the header: an algorithm, a byte sequence, and parameters, which mean nothing here. */
const DIGEST = /^\s*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):(?:;[^,]*)?\s*$/i;
/** 32 bytes. */
const SHA256 = /^[A-Za-z0-9+/]{43}=?$/;

/**
 * The SHA-256 that a `Content-Digest` header claims (RFC 9530: `sha-256=:base64:`), as `sha256:` and hex; null
 * where the header is absent or names other algorithms alone.
 * @throws DomainError `invalid_request`: whoever sends a claim wants it checked, so none is passed over unread
 */
export function parseContentDigest(header: string | undefined): string | null {
  if (header === undefined) return null;
  let claimed: string | null = null;
  for (const member of header.split(",")) {
    const [, algorithm = "", base64 = ""] = DIGEST.exec(member) ?? [];
    const sha256 = algorithm.toLowerCase() === "sha-256";
    if (!algorithm || (sha256 && !SHA256.test(base64))) {
      throw new DomainError(
        "invalid_request",
        "Content-Digest cannot be read: send sha-256=:…: with the 32 bytes of the digest in base64, or leave it out.",
      );
    }
    if (sha256) claimed = `sha256:${toHex(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)))}`;
  }
  return claimed;
}

/** @throws DomainError `digest_mismatch` where what was read back is not what its sender announced */
export function checkAnnounced(announced: string | null, found: string): void {
  if (found === announced) return;
  throw new DomainError(
    "digest_mismatch",
    `The upload was announced as ${announced}; the parts make ${found}: one of them is of another file. Upload it again.`,
  );
}

/** SHA-256 of bytes as `sha256:` and hex: how artifacts and suite versions are addressed. */
export async function sha256(bytes: Uint8Array<ArrayBuffer> | Uint8Array): Promise<string> {
  return formatDigest(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

export function formatDigest(digest: ArrayBuffer): string {
  return `sha256:${toHex(new Uint8Array(digest))}`;
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The SHA-256 that a `Content-Digest` header claims (RFC 9530: `sha-256=:base64:`), as `sha256:` and hex; null
 * where the header is absent or names other algorithms alone.
 */
export function parseContentDigest(header: string | undefined): string | null {
  const base64 = /(?:^|,)\s*sha-256\s*=\s*:([A-Za-z0-9+/=]+):/i.exec(header ?? "")?.[1];
  if (!base64) return null;
  try {
    return `sha256:${toHex(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)))}`;
  } catch {
    return null;
  }
}

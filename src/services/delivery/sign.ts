const SECRET_PREFIX = "whsec_";
const SECRET_BYTES = 32;

/** A signing secret of Standard Webhooks 1.0: `whsec_` and base64 of 24 to 64 random bytes. */
export function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return SECRET_PREFIX + btoa(String.fromCharCode(...bytes));
}

/**
 * The headers of a signed delivery (Standard Webhooks 1.0): HMAC-SHA256 over `id.timestamp.body`, version v1.
 * `at` is the time of this attempt; receivers refuse one that is more than five minutes off.
 */
export async function signedHeaders(
  secret: string,
  message: { id: string; at: Date; body: string },
): Promise<Record<string, string>> {
  const timestamp = Math.floor(message.at.getTime() / 1000).toString();
  const raw = Uint8Array.from(atob(secret.slice(SECRET_PREFIX.length)), (c) => c.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const content = new TextEncoder().encode(`${message.id}.${timestamp}.${message.body}`);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, content));
  return {
    "webhook-id": message.id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${btoa(String.fromCharCode(...signature))}`,
  };
}

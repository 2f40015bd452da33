import type { RetiredSecret } from "../../database/schema.ts";

const SECRET_PREFIX = "whsec_";
const SECRET_BYTES = 32;

/** A signing secret of Standard Webhooks 1.0: `whsec_` and base64 of 24 to 64 random bytes. */
export function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return SECRET_PREFIX + btoa(String.fromCharCode(...bytes));
}

/** The secrets that sign at a time: the present one, and those before it that receivers may still hold. */
export function signingSecrets(
  { secret, retiredSecrets }: { secret: string; retiredSecrets: readonly RetiredSecret[] },
  at: Date,
): string[] {
  return [secret, ...retiredSecrets.filter(({ until }) => new Date(until) > at).map((retired) => retired.secret)];
}

/**
 * The headers of a signed delivery (Standard Webhooks 1.0): HMAC-SHA256 over `id.timestamp.body`, version v1, one
 * signature for each secret. `at` is the time of this attempt; receivers refuse one that is five minutes off.
 */
export async function signedHeaders(
  secrets: readonly string[],
  message: { id: string; at: Date; body: string },
): Promise<Record<string, string>> {
  const timestamp = Math.floor(message.at.getTime() / 1000).toString();
  const content = new TextEncoder().encode(`${message.id}.${timestamp}.${message.body}`);
  const signatures = await Promise.all(secrets.map((secret) => sign(secret, content)));
  return {
    "webhook-id": message.id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signatures.map((signature) => `v1,${signature}`).join(" "),
  };
}

async function sign(secret: string, content: Uint8Array): Promise<string> {
  const raw = Uint8Array.from(atob(secret.slice(SECRET_PREFIX.length)), (c) => c.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.sign("HMAC", key, content))));
}

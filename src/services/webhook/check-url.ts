import { DomainError } from "../../errors.ts";
import { addressOf, isLoopbackAddress, isPrivateName, isPublicAddress } from "./address.ts";
import type { Resolve } from "./resolve.ts";

export interface UrlRules {
  resolve: Resolve;
  /** In the local stack alone: this machine itself may be reached, over http too. */
  allowLoopback: boolean;
}

/**
 * Whether a webhook may point there: https, no credentials, and a host that is public under every address it has.
 * Asked when the webhook is made and before each send; between this answer and the connection a name can still be
 * made to lead elsewhere, which docs/webhooks.md speaks of.
 * @throws DomainError `invalid_webhook`: also where the name cannot be resolved
 */
export async function checkWebhookUrl(text: string, { resolve, allowLoopback }: UrlRules): Promise<string> {
  const url = URL.parse(text);
  if (!url) throw refused("The address is no URL.");
  if (url.username || url.password) throw refused("The address carries credentials: leave them out.");
  // The URL parser has turned every spelling of an IPv4 address into four decimal numbers. A name may end with the
  // dot of the root: "localhost." is localhost.
  const host = url.hostname.toLowerCase().replace(/\.+$/, "");
  const address = addressOf(host);
  if (allowLoopback && /^https?:$/.test(url.protocol) && isThisMachine(host, address)) return url.href;
  if (url.protocol !== "https:") throw refused("The address must be https.");
  if (address === null && isPrivateName(host)) throw refused(`"${host}" is not a public name.`);
  const addresses = address === null ? await resolved(host, resolve) : [address];
  if (!addresses.every(isPublicAddress)) {
    throw refused(address === null ? `"${host}" leads to an address that is not public.` : `${host} is not public.`);
  }
  return url.href;
}

function isThisMachine(host: string, address: string | null): boolean {
  return host === "localhost" || (address !== null && isLoopbackAddress(address));
}

async function resolved(host: string, resolve: Resolve): Promise<string[]> {
  let addresses: string[];
  try {
    addresses = await resolve(host);
  } catch {
    throw refused(`"${host}" could not be resolved: try again.`);
  }
  if (addresses.length === 0) throw refused(`"${host}" has no address.`);
  return addresses;
}

function refused(detail: string): DomainError {
  return new DomainError("invalid_webhook", detail);
}

import { DomainError } from "../../errors.ts";

/**
 * Whether a webhook may point there: https, no credentials, and no address literal or name that is private on its
 * face. In the local stack alone, http to this machine is allowed too.
 * @throws DomainError `invalid_webhook`
 */
export function checkWebhookUrl(text: string, options: { allowLoopback: boolean }): string {
  const url = URL.parse(text);
  if (!url) throw refused("The address is no URL.");
  if (url.username || url.password) throw refused("The address carries credentials: leave them out.");
  // A name may end with the dot of the root: "localhost." is localhost.
  const host = url.hostname.toLowerCase().replace(/\.+$/, "");
  if (options.allowLoopback && isLoopback(host) && (url.protocol === "http:" || url.protocol === "https:")) {
    return url.href;
  }
  if (url.protocol !== "https:") throw refused("The address must be https.");
  if (isPrivate(host)) throw refused(`"${host}" is not a public address.`);
  return url.href;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127\./.test(host);
}

/** The URL parser has already turned every spelling of an IPv4 address into four decimal numbers. */
function isPrivate(host: string): boolean {
  if (isLoopback(host) || /\.(localhost|local|internal)$/.test(host) || !/[.:]/.test(host)) return true;
  // Addresses in place of names have no use here, and IPv6 has too many forms that embed a private IPv4 one.
  return host.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

function refused(detail: string): DomainError {
  return new DomainError("invalid_webhook", detail);
}

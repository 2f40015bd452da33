import ipaddr from "ipaddr.js";

/** Public by their range, and yet of a cloud's own network: Azure's host answers there. */
const PROVIDER_ADDRESSES = new Set(["168.63.129.16"]);

/**
 * Whether packets to an address leave for the public Internet. IPv6 must be global unicast (2000::/3, RFC 4291) and of
 * no range with a purpose of its own: what embeds an IPv4 address (mapped, NAT64, 6to4, Teredo) reaches who knows
 * what. Metadata services live in link-local, CGNAT, unique local and reserved ranges. No address: false.
 */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text) || PROVIDER_ADDRESSES.has(text)) return false;
  const address = ipaddr.parse(text);
  if (address.range() !== "unicast") return false;
  return !(address instanceof ipaddr.IPv6) || ((address.parts[0] ?? 0) & 0xe000) === 0x2000;
}

/** Whether an address is this machine's own. */
export function isLoopbackAddress(text: string): boolean {
  return ipaddr.isValid(text) && ipaddr.parse(text).range() === "loopback";
}

/** The address that a URL's host is, without the brackets of IPv6; null for a name. */
export function addressOf(host: string): string | null {
  const bare = host.replace(/^\[|\]$/g, "");
  return ipaddr.isValid(bare) ? bare : null;
}

/** Names that are never public: of one label, or under a suffix that is not delegated (RFC 6761, 6762, 8375, ICANN). */
export function isPrivateName(host: string): boolean {
  return !host.includes(".") || /(^|\.)(localhost|local|internal|intranet|lan|home\.arpa|onion|alt)$/.test(host);
}

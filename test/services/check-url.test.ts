import { expect, test } from "vitest";
import { checkWebhookUrl } from "../../src/services/webhook/check-url.ts";
import { resolveFromTable } from "../../src/services/webhook/resolve.ts";

/** What the names of these tests lead to. */
const NAMES: Record<string, string[]> = {
  "ci.example.com": ["93.184.215.14"],
  "both.example.com": ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
  "six.example.com": ["2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
  "xn--bcher-kva.example.com": ["93.184.215.14"],
  "loop.example.com": ["127.0.0.1"],
  "half.example.com": ["93.184.215.14", "10.1.2.3"],
  "half-six.example.com": ["93.184.215.14", "fd12::1"],
  "meta.example.com": ["169.254.169.254"],
  "mapped.example.com": ["::ffff:10.0.0.1"],
  "nat64.example.com": ["64:ff9b::a00:1"],
  "six-to-four.example.com": ["2002:a00:1::1"],
  "odd.example.com": ["not an address"],
  "empty.example.com": [],
};
const resolve = resolveFromTable(NAMES, () => Promise.reject(new Error("nobody answers")));
const check = (url: string, allowLoopback = false) => checkWebhookUrl(url, { resolve, allowLoopback });
const refusal = expect.objectContaining({ code: "invalid_webhook", message: expect.stringMatching(/\.$/) });

test.each([
  "https://ci.example.com/hook",
  "https://CI.Example.COM/hook",
  "https://ci.example.com./hook",
  "https://ci.example.com:8443/hook?token=1",
  "https://both.example.com/",
  "https://six.example.com/",
  "https://bücher.example.com/",
  "https://93.184.215.14/hook",
  "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/hook",
])("%s is public", async (url) => {
  expect(await check(url)).toBe(new URL(url).href);
});

test.each([
  ["plain http", "http://ci.example.com/hook"],
  ["another protocol", "ftp://ci.example.com/"],
  ["a file", "file:///etc/passwd"],
  ["a script", "javascript:alert(1)"],
  ["data", "data:text/plain,x"],
  ["no URL", "ci.example.com/hook"],
  ["nothing", ""],
  ["a user", "https://user@ci.example.com/"],
  ["a password", "https://:secret@ci.example.com/"],
  ["credentials that hide the host", "https://ci.example.com@10.0.0.1/"],
  ["localhost", "https://localhost/"],
  ["localhost with the root's dot", "https://localhost./"],
  ["localhost with two dots", "https://localhost../"],
  ["a name under localhost", "https://a.localhost/"],
  ["a name of one label", "https://intranet/"],
  ["the same with a dot", "https://intranet./"],
  ["mDNS", "https://printer.local./"],
  ["internal", "https://metadata.google.internal/"],
  ["a home network", "https://router.home.arpa/"],
  ["an onion service", "https://abcdef.onion/"],
  ["loopback", "https://127.0.0.1/"],
  ["all of loopback", "https://127.255.255.254/"],
  ["loopback with a dot", "https://127.0.0.1./"],
  ["loopback as one number", "https://2130706433/"],
  ["loopback in hexadecimal", "https://0x7f000001/"],
  ["loopback in octal", "https://017700000001/"],
  ["loopback in mixed parts", "https://0x7f.0.0.01/"],
  ["loopback in two parts", "https://127.1/"],
  ["loopback in three parts", "https://127.0.1/"],
  ["loopback in wide digits", "https://１２７.0.0.1/"],
  ["loopback percent-encoded", "https://%31%32%37.0.0.1/"],
  ["loopback with ideographic dots", "https://127。0。0。1/"],
  ["no address", "https://0.0.0.0/"],
  ["zero", "https://0/"],
  ["this network", "https://0.1.2.3/"],
  ["private 10", "https://10.0.0.1/"],
  ["private 10 in hexadecimal", "https://0x0a000001/"],
  ["private 172.16", "https://172.16.0.1/"],
  ["private 172.31", "https://172.31.255.255/"],
  ["private 192.168", "https://192.168.1.1/"],
  ["link-local: metadata", "https://169.254.169.254/latest/meta-data"],
  ["metadata as one number", "https://2852039166/"],
  ["link-local: task metadata", "https://169.254.170.2/"],
  ["CGNAT: metadata", "https://100.100.100.200/"],
  ["CGNAT's first", "https://100.64.0.1/"],
  ["CGNAT's last", "https://100.127.255.254/"],
  ["protocol assignments: metadata", "https://192.0.0.192/"],
  ["a cloud's host", "https://168.63.129.16/"],
  ["documentation 1", "https://192.0.2.1/"],
  ["documentation 2", "https://198.51.100.1/"],
  ["documentation 3", "https://203.0.113.1/"],
  ["6to4 relays", "https://192.88.99.1/"],
  ["benchmarks", "https://198.19.255.254/"],
  ["multicast", "https://224.0.0.1/"],
  ["multicast's last", "https://239.255.255.255/"],
  ["reserved", "https://240.0.0.1/"],
  ["broadcast", "https://255.255.255.255/"],
  ["IPv6 loopback", "https://[::1]/"],
  ["IPv6 loopback at length", "https://[0:0:0:0:0:0:0:1]/"],
  ["IPv6 unspecified", "https://[::]/"],
  ["IPv6 link-local", "https://[fe80::1]/"],
  ["IPv6 site-local", "https://[fec0::1]/"],
  ["IPv6 unique local", "https://[fd00::1]/"],
  ["IPv6 unique local: metadata", "https://[fd00:ec2::254]/"],
  ["IPv4-mapped, dotted", "https://[::ffff:10.0.0.1]/"],
  ["IPv4-mapped, hexadecimal", "https://[::ffff:a9fe:a9fe]/"],
  ["IPv4-mapped, of a public address", "https://[::ffff:93.184.215.14]/"],
  ["IPv4-compatible", "https://[::127.0.0.1]/"],
  ["IPv4-translated", "https://[::ffff:0:10.0.0.1]/"],
  ["NAT64", "https://[64:ff9b::10.0.0.1]/"],
  ["NAT64 of one's own", "https://[64:ff9b:1::1]/"],
  ["6to4", "https://[2002:7f00:1::]/"],
  ["Teredo", "https://[2001:0:53aa:64c::1]/"],
  ["ORCHID", "https://[2001:20::1]/"],
  ["IPv6 documentation", "https://[2001:db8::1]/"],
  ["IPv6 documentation, new", "https://[3fff::1]/"],
  ["IPv6 discard", "https://[100::1]/"],
  ["IPv6 multicast", "https://[ff02::1]/"],
  ["IPv6 segment routing", "https://[5f00::1]/"],
  ["IPv6 not assigned", "https://[4000::1]/"],
  ["a name that leads to loopback", "https://loop.example.com/"],
  ["a name that leads to metadata", "https://meta.example.com/"],
  ["a name with one private address of two", "https://half.example.com/"],
  ["a name with a private IPv6 address beside", "https://half-six.example.com/"],
  ["a name that leads to a mapped address", "https://mapped.example.com/"],
  ["a name that leads to NAT64", "https://nat64.example.com/"],
  ["a name that leads to 6to4", "https://six-to-four.example.com/"],
  ["a name with an answer that is no address", "https://odd.example.com/"],
  ["a name without addresses", "https://empty.example.com/"],
  ["a name that nobody resolves", "https://unknown.example.com/"],
])("%s is refused: %s", async (_what, url) => {
  await expect(check(url)).rejects.toThrow(refusal);
});

test.each([
  "http://127.0.0.1:9/hook",
  "http://127.9.9.9/hook",
  "http://localhost:9/hook",
  "https://localhost./hook",
  "http://[::1]:9/hook",
])("%s is allowed in the local stack alone", async (url) => {
  expect(await check(url, true)).toBe(new URL(url).href);
  await expect(check(url)).rejects.toThrow(refusal);
});

test.each([
  "http://10.0.0.1/hook",
  "http://0.0.0.0/hook",
  "https://10.0.0.1/hook",
  "ftp://127.0.0.1/hook",
  "http://user:password@127.0.0.1:9/hook",
  "http://a.localhost/hook",
  "http://[::ffff:127.0.0.1]/hook",
  "http://loop.example.com/hook",
  "https://loop.example.com/hook",
])("%s is refused in the local stack too", async (url) => {
  await expect(check(url, true)).rejects.toThrow(refusal);
});

import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { parseContentDigest } from "../../src/services/digest.ts";

const hash = createHash("sha256").update("x").digest();
const base64 = hash.toString("base64");
const digest = `sha256:${hash.toString("hex")}`;

test.each([
  { header: undefined, claims: null },
  { header: `sha-256=:${base64}:`, claims: digest },
  { header: `md5=:AAAA:, sha-256=:${base64}:`, claims: digest },
  { header: `sha-256=:${base64}:,sha-512=:AAAA:`, claims: digest },
  { header: "sha-512=:AAAA:", claims: null },
])("$header claims $claims", ({ header, claims }) => {
  expect(parseContentDigest(header)).toBe(claims);
});

test.each([
  "",
  "garbage",
  "sha-256",
  `sha-256=${base64}`,
  `sha-256="${base64}"`,
  `sha-256=:${hash.toString("hex")}:`,
  `sha-256=:${base64.slice(0, 22)}:`,
  `sha-256=:${base64}`,
  "sha-256=::",
  `sha-256=:${"*".repeat(43)}=:`,
  `sha-256=:${base64}:, sha-256=:AAAA:`,
  `sha-256=:${base64}: and more`,
  `sha-256=:${base64}:,`,
  "sha-512=garbage",
])("%s is a claim that nobody can check, and is refused", (header) => {
  expect(() => parseContentDigest(header)).toThrow(expect.objectContaining({ code: "invalid_request" }));
});

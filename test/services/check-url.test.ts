import { expect, test } from "vitest";
import { checkWebhookUrl } from "../../src/services/webhook/check-url.ts";

test.each([
  "https://localhost./x",
  "https://localhost../x",
  "https://127.0.0.1./x",
  "https://intranet./x",
  "https://printer.local./x",
  "https://metadata.google.internal./",
])("%s is private, with the dot of a full name too", (url) => {
  expect(() => checkWebhookUrl(url, { allowLoopback: false })).toThrow(
    expect.objectContaining({ code: "invalid_webhook" }),
  );
});

test("a public name may end with a dot", () => {
  expect(checkWebhookUrl("https://ci.example.com./x", { allowLoopback: false })).toBe("https://ci.example.com./x");
});

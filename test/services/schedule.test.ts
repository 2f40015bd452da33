import { expect, test } from "vitest";
import { nextWait, parseRetryAfter } from "../../src/services/delivery/schedule.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

test("the waits are of Svix's shape, 28 hours in all", () => {
  const waits = Array.from({ length: 8 }, (_, n) => nextWait(n + 1, null, 0));
  expect(waits).toEqual([5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR, null]);
  const hours = waits.reduce<number>((sum, wait) => sum + (wait ?? 0), 0) / HOUR;
  expect(hours).toBeGreaterThan(27.5);
  expect(hours).toBeLessThan(28);
});

test.each([
  { name: "jitter is up to a fifth, later only", failures: 2, retryAfter: null, random: 1, want: 6 * MINUTE },
  { name: "a longer Retry-After is honoured", failures: 1, retryAfter: 90 * SECOND, random: 0, want: 90 * SECOND },
  { name: "a shorter one hurries nothing", failures: 3, retryAfter: 1 * SECOND, random: 0, want: 30 * MINUTE },
  { name: "a week is cut to a day", failures: 1, retryAfter: 7 * 24 * HOUR, random: 0, want: 24 * HOUR },
  { name: "after the last attempt there is none", failures: 8, retryAfter: 1 * SECOND, random: 0, want: null },
])("$name", ({ failures, retryAfter, random, want }) => {
  expect(nextWait(failures, retryAfter, random)).toBe(want);
});

test.each([
  [null, null],
  ["120", 120 * SECOND],
  [" 0 ", 0],
  ["Sun, 22 Nov 2026 12:01:00 GMT", 60 * SECOND],
  ["Sun, 22 Nov 2026 11:00:00 GMT", 0],
  ["soon", null],
  ["", null],
  ["1.5 hours", null],
])("Retry-After: %s is %s", (header, want) => {
  expect(parseRetryAfter(header, new Date("2026-11-22T12:00:00Z"))).toBe(want);
});

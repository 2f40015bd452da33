import { expect } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";
import type { Answer } from "./service.ts";

/** The statuses that belong to the codes of these tests. */
export interface Refusal {
  status: number;
  code: ErrorCode;
  /** A part of the sentence that a person needs to mend it. */
  says?: string | RegExp;
}

/** Asserts a problem document (RFC 9457) with this code, a sentence to act on, and nothing of our insides. */
export function expectRefusal(answer: Answer<unknown>, { status, code, says = "" }: Refusal): void {
  expect({ status: answer.status, body: answer.body }).toMatchObject({ status, body: { code, status } });
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  const { type, title, detail, requestId } = answer.body as Record<string, string>;
  expect(type).toBe(`urn:curie-point:problem:${code}`);
  expect(title).toMatch(/\w/);
  expect(detail).toMatch(says);
  expect(detail).toMatch(/[.)]$/);
  expect(requestId).toMatch(/^req_/);
  expect(answer.headers.get("x-request-id")).toBe(requestId);
  expect(answer.text).not.toMatch(/\bat .*\.(ts|js):|node_modules|insert into|select \*|drizzle|postgres/i);
}

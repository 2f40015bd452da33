import { bodyLimit } from "hono/body-limit";
import { DomainError } from "../errors.ts";
import type { RouteContext } from "./app-type.ts";

/**
 * The length that the request declares, in bytes.
 * @throws DomainError `length_required`, `body_too_large`
 */
export function declaredLength(c: RouteContext, most: number): number {
  const header = c.req.header("content-length");
  if (header === undefined || !/^\d+$/.test(header)) {
    throw new DomainError("length_required", "Send Content-Length: a body of unknown length cannot be verified.");
  }
  const length = Number(header);
  if (length > most) throw tooLarge(`The body has ${length} bytes`, most);
  return length;
}

/**
 * Whether what is put must be new. What else a PUT may ask for (RFC 9110, sections 13.1 and 14.5) is refused: to pass it
 * over would write where the sender forbids it, or take a piece for the file.
 * @throws DomainError `invalid_request`
 */
export function readConditions(c: RouteContext): boolean {
  if (c.req.header("content-range") !== undefined) {
    throw new DomainError(
      "invalid_request",
      "A PUT takes the whole file: leave Content-Range out. POST …/uploads takes a file in parts.",
    );
  }
  const condition = c.req.header("if-none-match")?.trim();
  const other = ["if-match", "if-unmodified-since"].find((name) => c.req.header(name) !== undefined);
  if (other || (condition !== undefined && condition !== "*")) {
    throw new DomainError("invalid_request", '"If-None-Match: *" is the one condition that a PUT knows.');
  }
  return condition === "*";
}

/** Refuses what is longer before anything parses it; a body of undeclared length is counted as it comes in. */
export const limitBody = (most: number) =>
  bodyLimit({
    maxSize: most,
    onError: () => {
      throw tooLarge("The body is too long", most);
    },
  });

function tooLarge(what: string, most: number): DomainError {
  return new DomainError("body_too_large", `${what}; at most ${most} bytes are taken here.`, { most });
}

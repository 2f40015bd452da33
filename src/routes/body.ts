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

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
  if (length > most) {
    throw new DomainError("body_too_large", `The body has ${length} bytes; at most ${most} are taken here.`, { most });
  }
  return length;
}

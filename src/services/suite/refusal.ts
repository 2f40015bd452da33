import { DomainError } from "../../errors.ts";

export function suiteRefusal(detail: string): DomainError {
  return new DomainError("invalid_suite", detail);
}

/** A failure whose message is all the person at the terminal needs: printed as one line, without a stack. */
export class StackError extends Error {}

/** The message of anything thrown: drivers also throw events and plain objects, which carry none. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  if (typeof error === "object" && error !== null && "message" in error && typeof error.message === "string") {
    if (error.message !== "") return error.message;
  }
  return String(error);
}

export function codeOf(error: unknown): string | undefined {
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  return undefined;
}

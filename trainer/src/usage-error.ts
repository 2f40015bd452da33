/** The user's mistake, for the user to read: not a crash. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

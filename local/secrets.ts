import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { codeOf, messageOf, StackError } from "./errors.ts";

export function readSecret(path: string): string | undefined {
  try {
    const secret = readFileSync(path, "utf8").trim();
    return secret === "" ? undefined : secret;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new StackError(`cannot read ${path}: ${messageOf(error)}`);
  }
}

/** Written aside and renamed, so that a crash never leaves half a key. */
export function writeSecret(path: string, secret: string): void {
  writeFileSync(`${path}.new`, `${secret}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function randomSecret(bytes: number): string {
  return randomBytes(bytes).toString("hex");
}

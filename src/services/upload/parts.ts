import type { uploads } from "../../database/schema.ts";

/** An upload whose sender puts its parts at the store itself. */
export type UploadRow = typeof uploads.$inferSelect & { partBytes: number };

/** Parts are equal, which R2 asks for, and no more than one page of a store's list. */
const SMALLEST_PART = 16 * 1024 * 1024;
const MOST_PARTS = 1000;
const MIB = 1024 * 1024;

/** An address is good for this long; asking for the upload gives new ones. */
export const URL_SECONDS = 6 * 60 * 60;
/** An upload that nobody asked for in so long is given up. */
export const EXPIRES_MS = 24 * 60 * 60 * 1000;

/** Length of each part but the last, of a file of `bytes`. */
export function choosePartBytes(bytes: number): number {
  return Math.max(SMALLEST_PART, Math.ceil(bytes / MOST_PARTS / MIB) * MIB);
}

export function partsOf({ bytes, partBytes }: Pick<UploadRow, "bytes" | "partBytes">): number {
  return Math.ceil(bytes / partBytes);
}

/** Length of the nth part, from 1. */
export function lengthOfPart({ bytes, partBytes }: Pick<UploadRow, "bytes" | "partBytes">, number: number): number {
  return Math.min(partBytes, bytes - (number - 1) * partBytes);
}

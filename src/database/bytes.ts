import { customType } from "drizzle-orm/pg-core";

/** bytea. Sent as hexadecimal text, which every driver passes on as it is; drivers answer with a Buffer. */
export const bytes = customType<{ data: Uint8Array; driverData: string | Uint8Array }>({
  dataType: () => "bytea",
  toDriver: (value) => `\\x${Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("")}`,
  fromDriver: (value) => (typeof value === "string" ? fromHex(value.slice(2)) : new Uint8Array(value)),
});

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, n) => Number.parseInt(hex.slice(2 * n, 2 * n + 2), 16));
}

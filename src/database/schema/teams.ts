import { index, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { createdAt, id, time } from "./columns.ts";

export const teams = pgTable("teams", {
  id: id(),
  name: text("name").notNull().unique(),
  createdAt: createdAt(),
});

export const teamId = () =>
  text("team_id")
    .notNull()
    .references(() => teams.id, { onDelete: "cascade" });

export const keys = pgTable(
  "keys",
  {
    id: id(),
    teamId: teamId(),
    name: text("name").notNull(),
    scopes: text("scopes").array().notNull().$type<Scope[]>(),
    /** SHA-256 of the bearer token, hex. Tokens carry 256 random bits, so a plain hash cannot be guessed back. */
    tokenHash: text("token_hash").notNull(),
    /** The token's first characters, to recognise a key in a list. */
    hint: text("hint").notNull(),
    createdAt: createdAt(),
    revokedAt: time("revoked_at"),
  },
  // Every request looks its key up by the hash.
  (table) => [uniqueIndex("keys_token_hash").on(table.tokenHash), index("keys_team").on(table.teamId)],
);

/** A browser's sign-in: the cookie holds a random token, never the key. */
export const sessions = pgTable(
  "sessions",
  {
    id: id(),
    teamId: teamId(),
    keyId: text("key_id")
      .notNull()
      .references(() => keys.id, { onDelete: "cascade" }),
    tokenHash: text("token_hash").notNull(),
    createdAt: createdAt(),
    expiresAt: time("expires_at").notNull(),
  },
  (table) => [uniqueIndex("sessions_token_hash").on(table.tokenHash)],
);

export type Scope = "read" | "push" | "admin";

import { bigint, text, timestamp } from "drizzle-orm/pg-core";

export const id = () => text("id").primaryKey();

export const time = (name: string) => timestamp(name, { withTimezone: true });

export const createdAt = () => time("created_at").notNull().defaultNow();

/** Steps and sizes exceed 32 bits and stay exact in a double. */
export const count = (name: string) => bigint(name, { mode: "number" });

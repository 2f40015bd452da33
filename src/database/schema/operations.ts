import { doublePrecision, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { count, createdAt, id } from "./columns.ts";
import { teams } from "./teams.ts";

/** Queue messages that failed as often as the queue allows. The rows they hint at say what is still to do. */
export const deadLetters = pgTable(
  "dead_letters",
  {
    id: id(),
    /** Of the row that the message names; null where there is none any more. */
    teamId: text("team_id").references(() => teams.id, { onDelete: "cascade" }),
    /** The queue's id of the message: one that is drained twice is one letter. */
    messageId: text("message_id").notNull(),
    body: jsonb("body").notNull().$type<unknown>(),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex("dead_letters_message").on(table.messageId),
    index("dead_letters_team").on(table.teamId, table.id),
  ],
);

/** What isolates have counted of requests, added up: of the deployment, for its operator, and of no team. */
export const requestCounts = pgTable(
  "request_counts",
  {
    method: text("method").notNull(),
    /** The route's pattern, so that there are no more rows than routes and statuses. */
    route: text("route").notNull(),
    status: integer("status").notNull(),
    seconds: doublePrecision("seconds").notNull(),
    /** How many took no longer than each of the bounds and longer than the one before; the last: than the last bound. */
    buckets: count("buckets").array().notNull(),
  },
  (table) => [primaryKey({ columns: [table.method, table.route, table.status] })],
);

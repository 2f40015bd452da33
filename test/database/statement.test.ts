import { sql } from "drizzle-orm";
import { bigint, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { expect, test, vi } from "vitest";
import type { Database } from "../../src/database/client.ts";
import { type Given, insertInto, statement } from "../../src/database/statement.ts";

const events = pgTable("events", {
  id: text("id").primaryKey(),
  happenedAt: timestamp("happened_at", { withTimezone: true }).notNull(),
  count: bigint("count", { mode: "number" }).notNull(),
  said: jsonb("said").$type<{ words: string[] }>(),
});
type Event = Required<typeof events.$inferInsert>;

/** What goes to the driver, and no database: which SQL is right there the stack's tests tell. */
function recording() {
  const query = vi.fn(async (_text: string, _values: unknown[]) => ({ rows: [] as unknown[] }));
  return { query, db: { $client: { query } } as unknown as Database };
}

const keep = statement<{ id: string; at: Date; count: number; said: Event["said"] }, { id: string }>(
  (given) => sql`
    ${insertInto<Event>(events, { id: given.id, happenedAt: given.at, count: sql`other.count + 1`, said: given.said })}
    from other where other.id = ${given.id} and other.count < ${given.count}`,
);

test("a row's values are sent as its columns have them, and cast to their types; SQL stays as it is", async () => {
  const { db, query } = recording();
  await keep(db, { id: "e1", at: new Date(0), count: 7, said: { words: ["a"] } });
  const [sent, values] = query.mock.calls[0] ?? [];
  expect(sent?.replace(/\s+/g, " ").trim()).toBe(
    'insert into "events" ("id", "happened_at", "count", "said") ' +
      "select $1::text, $2::timestamp with time zone, other.count + 1, $3::jsonb " +
      "from other where other.id = $4 and other.count < $5",
  );
  expect(values).toEqual(["e1", "1970-01-01T00:00:00.000Z", '{"words":["a"]}', "e1", 7]);
});

test("the text is made once, whatever the values", async () => {
  const { db, query } = recording();
  const write = vi.fn((given: Given<{ n: number }>) => sql`select ${given.n}`);
  const ask = statement<{ n: number }, { n: number }>(write);
  await ask(db, { n: 1 });
  await ask(db, { n: 2 });
  expect(write).toHaveBeenCalledTimes(1);
  expect(query.mock.calls).toEqual([
    ["select $1", [1]],
    ["select $1", [2]],
  ]);
});

import {
  fillPlaceholders,
  getTableColumns,
  is,
  Placeholder,
  type Query,
  type SQL,
  type SQLWrapper,
  sql,
} from "drizzle-orm";
import { PgDialect, type PgTable } from "drizzle-orm/pg-core";
import type { Database } from "./client.ts";

/** Each value of a statement by its name. */
export type Given<Values> = { [Name in keyof Values & string]: Placeholder<Name> };

const dialect = new PgDialect();

/**
 * A statement of SQL of our own for what every push asks: its text is made once in an isolate, where the query builder
 * makes one at every call. Columns come back as the driver reads them: name them in the SQL as the row has them.
 */
export function statement<Values extends Record<string, unknown>, Row extends Record<string, unknown>>(
  write: (given: Given<Values>) => SQL,
): (db: Database, values: Values) => Promise<Row[]> {
  let query: Query | undefined;
  return async (db, values) => {
    query ??= dialect.sqlToQuery(write(named<Values>()));
    const { rows } = await db.$client.query<Row>(query.sql, fillPlaceholders(query.params, values));
    return rows;
  };
}

/** Whatever name is asked for: the types know which there are. */
function named<Values>(): Given<Values> {
  return new Proxy({} as Given<Values>, { get: (_, name) => sql.placeholder(String(name)) });
}

/**
 * `insert into table (…) select …`, for a statement that goes on with `from …`. `Row` is what the query builder is given
 * where it writes the same row, so that no column can be added to one of the two alone.
 */
export function insertInto<Row>(table: PgTable, row: { [Column in keyof Row]: SQLWrapper }): SQL {
  const columns = getTableColumns(table);
  const written = Object.entries<SQLWrapper>(row).map(([name, value]) => {
    const column = columns[name];
    if (!column) throw new Error(`the table has no column ${name}`);
    // In a select list Postgres would take every parameter for text.
    const typed = is(value, Placeholder) ? sql`${sql.param(value, column)}::${sql.raw(column.getSQLType())}` : value;
    return { name: sql.identifier(column.name), typed };
  });
  const names = sql.join(
    written.map(({ name }) => name),
    sql`, `,
  );
  const values = sql.join(
    written.map(({ typed }) => typed),
    sql`, `,
  );
  return sql`insert into ${table} (${names}) select ${values}`;
}

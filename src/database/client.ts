import { neonConfig, Pool } from "@neondatabase/serverless";
import { drizzle, type NeonDatabase } from "drizzle-orm/neon-serverless";
import * as schema from "./schema.ts";

/** Where Postgres is. */
export interface Connection {
  /** `postgresql://user:password@host/database` */
  url: string;
  /** `host:port` of a WebSocket-to-TCP bridge, for a Postgres that is not Neon's. */
  wsProxy?: string | undefined;
}

export type Database = NeonDatabase<typeof schema>;
export type Transaction = Parameters<Parameters<Database["transaction"]>[0]>[0];
/** Either: verbs that must join a caller's transaction take this. */
export type Queryable = Database | Transaction;

/**
 * A client for one request, message or command. Workers may not share sockets between requests, so it is never
 * kept in module scope; the caller closes it.
 */
export function connect(connection: Connection): { db: Database; close: () => Promise<void> } {
  if (connection.wsProxy) {
    // The driver reads these from its module: every connection of a process uses the same bridge.
    neonConfig.wsProxy = connection.wsProxy;
    neonConfig.useSecureWebSocket = false;
    neonConfig.pipelineTLS = false;
    neonConfig.pipelineConnect = false;
  }
  const pool = new Pool({ connectionString: connection.url, max: 4 });
  // Without a listener an idle client's broken socket would end the process; the next query reports it anyway.
  pool.on("error", () => {});
  return { db: drizzle(pool, { schema }), close: () => pool.end() };
}

import { Client, Pool } from "@neondatabase/serverless";
import { drizzle, type NeonDatabase } from "drizzle-orm/neon-serverless";

/** Where Postgres is. */
export interface Connection {
  /** `postgresql://user:password@host/database` */
  url: string;
  /** `host:port` of a WebSocket-to-TCP bridge, for a Postgres that is not Neon's. */
  wsProxy?: string | undefined;
}

export type Database = NeonDatabase & { $client: Pool };
export type Transaction = Parameters<Parameters<Database["transaction"]>[0]>[0];
/** Either: verbs that must join a caller's transaction take this. */
export type Queryable = Database | Transaction;

/**
 * A client for one request, message or command. Workers may not share sockets between requests, so it is never
 * kept in module scope; the caller closes it.
 */
export function connect(connection: Connection): { db: Database; close: () => Promise<void> } {
  // Idle clients need no clock: the caller closes them within one request.
  const pool = new Pool({ connectionString: connection.url, max: 4, idleTimeoutMillis: 0 });
  if (connection.wsProxy) pool.Client = clientThrough(connection.wsProxy);
  // Without a listener an idle client's broken socket would end the process; the next query reports it anyway.
  pool.on("error", () => {});
  const ends: Promise<void>[] = [];
  pool.on("connect", (client: Client) => {
    // Nor does the pool listen to a client that is lent out: a transaction whose socket breaks would end it as well.
    client.on("error", () => {});
    ends.push(new Promise<void>((resolve) => client.on("end", resolve)));
  });
  // A transaction whose BEGIN fails never gives its client back (drizzle-orm 0.45), and the pool's end waits for it:
  // once every connection has ended there is nothing to wait for.
  const close = async () => {
    await Promise.race([pool.end(), ...(ends.length === 0 ? [] : [Promise.all(ends)])]);
  };
  // Without the schema, which only relational queries would read: making sense of it would cost every request anew.
  return { db: drizzle(pool), close };
}

/** Set on each client and not on the driver's module, so that one process can reach databases behind several bridges. */
function clientThrough(wsProxy: string): typeof Client {
  return class extends Client {
    constructor(...config: ConstructorParameters<typeof Client>) {
      super(...config);
      this.neonConfig.wsProxy = wsProxy;
      this.neonConfig.useSecureWebSocket = false;
      this.neonConfig.pipelineTLS = false;
      this.neonConfig.pipelineConnect = false;
    }
  };
}

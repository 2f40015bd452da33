import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { PGlite } from "@electric-sql/pglite";
import { Turns } from "./postgres-turns.ts";

/**
 * Postgres's wire protocol on a TCP port over PGlite, which has one session for everybody.
 *
 * `@electric-sql/pglite-socket` hands PGlite one message at a time from whichever client comes first: as soon as
 * a statement's parameters span two TCP packets, another client's Parse replaces the unnamed statement before its
 * Bind, and a query answers with another's rows. Here a client holds its turn from the first message of an
 * exchange until Postgres is idle again, outside a transaction.
 */
export async function servePostgres(database: PGlite, log: (line: string) => void): Promise<Server> {
  const turns = new Turns(database);
  const server = createServer((socket) => {
    converse(socket, database, turns).catch((error: unknown) => {
      log(`postgres: ${error instanceof Error ? error.message : String(error)}`);
      socket.destroy();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** An open transaction holds everybody up, so a client that forgets one loses it. */
const IDLE_IN_TRANSACTION_MS = 30_000;
const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;
const CANCEL_REQUEST = 80877102;
/** What makes the server answer: Query, Sync, Flush, function call, the ends of a copy. */
const ANSWERED = new Set(["Q", "S", "H", "F", "c", "f"]);

async function converse(socket: Socket, database: PGlite, turns: Turns): Promise<void> {
  socket.setNoDelay(true);
  // The reading loop below sees an error as the end of the stream; without a listener it would end the process.
  socket.on("error", () => {});
  socket.setTimeout(IDLE_IN_TRANSACTION_MS, () => {
    if (turns.holder === socket) socket.destroy();
  });
  let buffered: Buffer = Buffer.alloc(0);
  let exchange: Buffer[] = [];
  let started = false;
  try {
    for await (const chunk of socket) {
      buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
      for (;;) {
        const length = messageLength(buffered, started);
        if (length === undefined || buffered.length < length) break;
        const message = buffered.subarray(0, length);
        buffered = buffered.subarray(length);
        if (!started) {
          const code = message.readInt32BE(4);
          if (code === CANCEL_REQUEST) return;
          if (code === SSL_REQUEST || code === GSS_REQUEST) {
            socket.write("N");
            continue;
          }
          started = true;
          await turns.take(socket);
          await execute(database, message, socket);
          turns.release(socket);
          continue;
        }
        const type = String.fromCharCode(message[0] ?? 0);
        if (type === "X") return;
        exchange.push(message);
        if (!ANSWERED.has(type)) continue;
        await turns.take(socket);
        await execute(database, Buffer.concat(exchange), socket);
        exchange = [];
        // After a Flush the exchange goes on until its Sync.
        if (type !== "H" && !database.isInTransaction()) turns.release(socket);
      }
    }
  } catch (error) {
    if (!socket.destroyed) throw error;
  } finally {
    await turns.leave(socket);
    socket.destroy();
  }
}

/** The first message of a connection has no type byte. */
function messageLength(buffered: Buffer, started: boolean): number | undefined {
  if (started) return buffered.length < 5 ? undefined : 1 + buffered.readInt32BE(1);
  return buffered.length < 8 ? undefined : buffered.readInt32BE(0);
}

async function execute(database: PGlite, message: Uint8Array, socket: Socket): Promise<void> {
  await database.runExclusive(() =>
    database.execProtocolRawStream(message, {
      // The bytes are a view into PGlite's memory, which the next query overwrites.
      onRawData: (bytes) => void (socket.writable && socket.write(Buffer.from(bytes))),
    }),
  );
  if (socket.writableNeedDrain) await Promise.race([once(socket, "drain"), once(socket, "close")]);
}

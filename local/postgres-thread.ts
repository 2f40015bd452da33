// A thread of its own: PGlite runs a statement to its end without yielding, and the same process carries object
// bodies and queue messages. A thread rather than a process, so that it cannot outlive the stack.
import { parentPort, workerData } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";
import { messageOf } from "./errors.ts";
import { ensureDatabase } from "./postgres-folder.ts";
import { servePostgres } from "./postgres-server.ts";

const port = parentPort;
if (port === null) throw new Error("postgres-thread.ts is started by postgres.ts");
const { folder, cache }: { folder: string; cache: string } = workerData;
try {
  await ensureDatabase(folder, cache);
  const database = await PGlite.create(folder);
  const server = await servePostgres(database, (line) => port.postMessage({ log: line }));
  const address = server.address();
  port.postMessage({ port: typeof address === "object" && address !== null ? address.port : 0 });
  port.once("message", () => {
    server.close();
    database.close().finally(() => port.postMessage({ closed: true }));
  });
} catch (error) {
  port.postMessage({ failed: messageOf(error) });
}

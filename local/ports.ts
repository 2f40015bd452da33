import { once } from "node:events";
import { createServer } from "node:net";
import { codeOf, messageOf, StackError } from "./errors.ts";

/** The port if it is free on loopback; a free one for 0. Asked before anything slow is started. */
export async function findPort(wanted: number): Promise<number> {
  const server = createServer();
  try {
    server.listen(wanted, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    return address !== null && typeof address === "object" ? address.port : wanted;
  } catch (error) {
    if (codeOf(error) === "EADDRINUSE") throw new StackError(`port ${wanted} is taken: name another with --port`);
    throw new StackError(`cannot listen on port ${wanted}: ${messageOf(error)}`);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

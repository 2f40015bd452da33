import { once } from "node:events";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { messageOf } from "./errors.ts";

export interface BridgeTarget {
  host: string;
  port: number;
  /** Speak TLS to the database, as the `sslmode` of its URL asks; "verify" also checks its certificate. */
  tls: "off" | "require" | "verify";
}

export interface Bridge {
  /** What the Neon driver's `wsProxy` wants. */
  wsProxy: string;
  close(): Promise<void>;
}

const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4]);
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
/** Beyond this the faster side is paused: a large result must not pile up in this process. */
const HIGH_WATER_BYTES = 4 * 1024 * 1024;

/** The Neon driver speaks Postgres over a WebSocket; this carries it to a Postgres that listens on TCP. */
export async function startBridge(target: BridgeTarget, log: (line: string) => void): Promise<Bridge> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, path: "/v2", perMessageDeflate: false });
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the bridge listens on no port");
  server.on("connection", (socket) => {
    carry(socket, target, log).catch((error: unknown) => {
      log(`postgres: ${messageOf(error)}`);
      socket.close(1011, "the database cannot be reached");
    });
  });
  return {
    wsProxy: `127.0.0.1:${address.port}/v2`,
    async close() {
      // Said before hung up: a client whose WebSocket breaks off reports an error nobody may be listening for.
      for (const client of server.clients) client.close(1001);
      const impatience = setTimeout(() => {
        for (const client of server.clients) client.terminate();
      }, 500);
      await new Promise((resolve) => server.close(resolve));
      clearTimeout(impatience);
    },
  };
}

async function carry(client: WebSocket, target: BridgeTarget, log: (line: string) => void): Promise<void> {
  // Messages that arrive while the TCP connection is being made must not be lost: nobody listens for them yet.
  client.pause();
  client.on("error", () => client.terminate());
  const database = await connectDatabase(target);
  database.setNoDelay(true);
  if (client.readyState !== client.OPEN) {
    database.destroy();
    return;
  }
  client.on("message", (data) => {
    const bytes = toBuffer(data);
    const open = database.write(bytes);
    if (!open) client.pause();
    // The server ends a connection on Terminate; should it not, the WebSocket would stay open, and with it the
    // event of the Worker that opened it: its queue would stop.
    if (bytes.length >= TERMINATE.length && bytes.subarray(-TERMINATE.length).equals(TERMINATE)) {
      database.end();
      client.close(1000);
    }
  });
  database.on("drain", () => client.resume());
  client.on("close", () => database.destroy());
  database.on("data", (bytes: Buffer) => {
    if (client.readyState !== client.OPEN) return;
    client.send(bytes, () => {
      if (client.bufferedAmount < HIGH_WATER_BYTES) database.resume();
    });
    if (client.bufferedAmount >= HIGH_WATER_BYTES) database.pause();
  });
  database.on("error", (error) => log(`postgres: ${messageOf(error)}`));
  database.on("close", () => client.close(1000));
  client.resume();
}

/** Also tells at start whether the database can be reached at all. */
export async function connectDatabase(target: BridgeTarget): Promise<Socket> {
  const socket = connectTcp({ host: target.host, port: target.port });
  await once(socket, "connect");
  if (target.tls === "off") return socket;
  socket.write(SSL_REQUEST);
  const [answer] = await once(socket, "data");
  if (!Buffer.isBuffer(answer) || answer.toString() !== "S") {
    socket.destroy();
    throw new Error(`${target.host}:${target.port} does not speak TLS, which sslmode asks for`);
  }
  const rejectUnauthorized = target.tls === "verify";
  // An address is not a server name, but a certificate may hold it.
  const name = isIP(target.host) === 0 ? { servername: target.host } : {};
  const secure = connectTls({ socket, host: target.host, rejectUnauthorized, ...name });
  await once(secure, "secureConnect");
  return secure;
}

function toBuffer(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? Buffer.from(data) : data;
}

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/**
 * What becomes of a statement. `cut`: the connection breaks before it goes on. `deaf`: Postgres does it, and the
 * connection breaks before anybody hears of it; `meanwhile` is what else happens then.
 */
export type Fate = "pass" | "cut" | "deaf" | { deaf: true; meanwhile: () => Promise<unknown> };

export interface Statement {
  /** The connection's `application_name`. */
  client: string;
  sql: string;
}

export interface FaultyPostgres {
  port: number;
  /** Asked before each statement goes on to Postgres. */
  decide: (statement: Statement) => Promise<Fate> | Fate;
  /** Another statement in its place; only those without parameters can be replaced. */
  rewrite: ((statement: Statement) => string) | null;
  /** Breaks all connections of a client. */
  cut(client: string): void;
  close(): Promise<void>;
}

const HEADER = 5;
/** Sync and the simple query: the ends of what a client sends and then waits. */
const [SYNC, QUERY, PARSE, READY] = [0x53, 0x51, 0x50, 0x5a];

/** Stands between the bridge and Postgres and knows as much of its protocol (version 3) as tells statements apart. */
export async function startFaultyPostgres(target: { host: string; port: number }): Promise<FaultyPostgres> {
  const open = new Map<Carried, string>();
  const server = createServer((socket) => {
    const carried = new Carried(socket, target, proxy, (name) => open.set(carried, name));
    socket.on("close", () => open.delete(carried));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy: FaultyPostgres = {
    port: Object(server.address()).port,
    decide: () => "pass",
    rewrite: null,
    cut(client) {
      for (const [carried, name] of open) if (name === client) carried.destroy();
    },
    async close() {
      for (const carried of open.keys()) carried.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

/** One client's connection. */
class Carried {
  readonly #client: Socket;
  readonly #database: Socket;
  readonly #proxy: FaultyPostgres;
  readonly #named: (name: string) => void;
  #name: string | null = null;
  #fromClient: Buffer = Buffer.alloc(0);
  #fromDatabase: Buffer = Buffer.alloc(0);
  /** Messages of the statement that the client is about to finish. */
  #unit: Buffer[] = [];
  #sql = "";
  #turn: Promise<void> = Promise.resolve();
  #deaf: Exclude<Fate, "pass" | "cut"> | null = null;

  constructor(
    client: Socket,
    target: { host: string; port: number },
    proxy: FaultyPostgres,
    named: (name: string) => void,
  ) {
    this.#client = client;
    this.#proxy = proxy;
    this.#named = named;
    this.#database = connect({ ...target, noDelay: true });
    client.setNoDelay(true);
    for (const socket of [client, this.#database]) {
      socket.on("error", () => this.destroy());
      socket.on("close", () => this.destroy());
    }
    client.on("data", (bytes: Buffer) => {
      this.#fromClient = Buffer.concat([this.#fromClient, bytes]);
      this.#takeFromClient();
    });
    this.#database.on("data", (bytes: Buffer) => this.#takeFromDatabase(bytes));
  }

  destroy(): void {
    this.#client.destroy();
    this.#database.destroy();
  }

  #takeFromClient(): void {
    for (;;) {
      // The first message alone has no type.
      const typed = this.#name === null ? 0 : 1;
      if (this.#fromClient.length < typed + 4) return;
      const length = typed + this.#fromClient.readUInt32BE(typed);
      if (this.#fromClient.length < length) return;
      const message = this.#fromClient.subarray(0, length);
      this.#fromClient = this.#fromClient.subarray(length);
      if (typed === 0) this.#begin(message);
      else this.#take(message);
    }
  }

  #begin(message: Buffer): void {
    const words = message.subarray(8).toString().split("\0");
    this.#name = words[words.indexOf("application_name") + 1] ?? "";
    this.#named(this.#name);
    this.#database.write(message);
  }

  #take(message: Buffer): void {
    const type = message[0];
    this.#unit.push(message);
    if (type === QUERY) this.#sql = message.subarray(HEADER, -1).toString();
    if (type === PARSE)
      this.#sql =
        message
          .subarray(message.indexOf(0, HEADER) + 1)
          .toString()
          .split("\0")[0] ?? "";
    if (type !== QUERY && type !== SYNC) {
      // A password or the goodbye is no statement; the parts of one go on with its end.
      if (this.#sql === "") this.#database.write(Buffer.concat(this.#unit.splice(0)));
      return;
    }
    const [unit, sql] = [Buffer.concat(this.#unit.splice(0)), this.#sql];
    this.#sql = "";
    this.#turn = this.#turn.then(() => this.#decide(unit, sql));
  }

  async #decide(unit: Buffer, sql: string): Promise<void> {
    const statement = { client: this.#name ?? "", sql };
    const fate = await this.#proxy.decide(statement);
    if (fate === "cut") {
      this.destroy();
      return;
    }
    this.#deaf = fate === "pass" ? null : fate;
    const replaced = unit[0] === QUERY ? this.#proxy.rewrite?.(statement) : undefined;
    this.#database.write(replaced === undefined || replaced === sql ? unit : simpleQuery(replaced));
  }

  #takeFromDatabase(bytes: Buffer): void {
    const deaf = this.#deaf;
    if (deaf === null) {
      this.#client.write(bytes);
      return;
    }
    this.#fromDatabase = Buffer.concat([this.#fromDatabase, bytes]);
    for (;;) {
      if (this.#fromDatabase.length < HEADER) return;
      // What Postgres has said so is done, whether or not anybody hears it.
      if (this.#fromDatabase[0] === READY) {
        if (deaf === "deaf") this.destroy();
        else deaf.meanwhile().finally(() => this.destroy());
        return;
      }
      const length = 1 + this.#fromDatabase.readUInt32BE(1);
      if (this.#fromDatabase.length < length) return;
      this.#fromDatabase = this.#fromDatabase.subarray(length);
    }
  }
}

function simpleQuery(sql: string): Buffer {
  const text = Buffer.from(`${sql}\0`);
  const header = Buffer.alloc(HEADER);
  header[0] = QUERY;
  header.writeUInt32BE(text.length + 4, 1);
  return Buffer.concat([header, text]);
}

import type { Socket } from "node:net";
import type { PGlite } from "@electric-sql/pglite";

/** Who may speak to PGlite's one session now, and the queue of those who wait. */
export class Turns {
  holder: Socket | undefined;
  readonly #waiting: { socket: Socket; start: () => void }[] = [];
  readonly #database: PGlite;

  constructor(database: PGlite) {
    this.#database = database;
  }

  /** Resolves when the turn is the socket's; at once if it already is. */
  async take(socket: Socket): Promise<void> {
    if (this.holder === socket) return;
    if (this.holder === undefined) {
      this.holder = socket;
      return;
    }
    await new Promise<void>((start) => this.#waiting.push({ socket, start }));
    // The client may have gone in the meantime; its leave() hands the turn on.
    if (socket.destroyed) throw new Error("the client has gone");
  }

  release(socket: Socket): void {
    if (this.holder !== socket) return;
    const next = this.#waiting.shift();
    this.holder = next?.socket;
    next?.start();
  }

  /** The client has gone: what it left open must not become the next one's transaction. */
  async leave(socket: Socket): Promise<void> {
    if (this.holder !== socket) return;
    try {
      // Sync first: after an exchange cut before its own, the session would ignore everything up to one.
      await this.#database.runExclusive(() => this.#database.execProtocolRawStream(SYNC, { onRawData: () => {} }));
      if (this.#database.isInTransaction()) {
        await this.#database.runExclusive(() =>
          this.#database.execProtocolRawStream(ROLLBACK, { onRawData: () => {} }),
        );
      }
    } finally {
      this.release(socket);
    }
  }
}

const SYNC = Buffer.from([0x53, 0, 0, 0, 4]);
const ROLLBACK = Buffer.from("Q\0\0\0\x0dROLLBACK\0", "latin1");

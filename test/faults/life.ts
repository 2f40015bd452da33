import { type ArtifactStore, StoreUnavailable } from "../../src/artifacts/store.ts";
import type { Queues } from "../../src/context.ts";
import type { Fate } from "./faulty-postgres.ts";

/** Where a life meets the world outside. */
export type Boundary = "statement" | "commit" | "store" | "send";

/** One fault: at the nth boundary (from 0), or at the first of a kind; before the call has its effect, or after. */
export interface Fault {
  at: number | Exclude<Boundary, "statement">;
  /** `kill`: all that the Worker holds is gone and it does nothing more. `fail`: this one call fails. */
  how: "kill" | "fail";
  when: "before" | "after";
}

/** Lets calls of lives that run at the same time begin one after the other, in an order that a schedule decides. */
export type Gate = () => Promise<unknown>;

export class Killed extends Error {
  override readonly name = "Killed";
}

/** One request's or message's time in a Worker: what it calls is counted, and fails where its fault says so. */
export class Life {
  dead = false;
  /** The boundary at which the fault struck, for a person to read. */
  struck: string | null = null;
  readonly name: string;
  readonly #fault: Fault | null;
  readonly #gate: Gate | null;
  #count = 0;

  constructor(name: string, fault: Fault | null, gate: Gate | null) {
    this.name = name;
    this.#fault = fault;
    this.#gate = gate;
  }

  /** For the proxy before Postgres. */
  async decide(sql: string): Promise<Fate> {
    const fault = await this.#meet(sql === "commit" ? "commit" : "statement", sql);
    if (this.dead && fault?.when !== "after") return "cut";
    if (!fault) return "pass";
    return fault.when === "before" ? "cut" : "deaf";
  }

  /** For calls that are made in this process. */
  async call<Result>(
    kind: "store" | "send",
    label: string,
    effect: () => Promise<Result>,
    broken?: (result: Result) => Result,
  ): Promise<Result> {
    const fault = await this.#meet(kind, label);
    if (this.dead && fault?.when !== "after") throw new Killed(label);
    if (fault?.when === "before") throw this.#failure(kind, label);
    const result = await effect();
    if (fault && broken && !this.dead) return broken(result);
    if (fault) throw this.#failure(kind, label);
    return result;
  }

  #failure(kind: Boundary, label: string): Error {
    if (this.dead) return new Killed(label);
    return kind === "store" ? new StoreUnavailable("The object store does not answer.") : new Error(`${label} failed`);
  }

  async #meet(kind: Boundary, label: string): Promise<Fault | null> {
    await this.#gate?.();
    if (this.dead) return null;
    const nth = this.#count++;
    const fault = this.#fault;
    if (!fault || this.struck !== null || (fault.at !== nth && fault.at !== kind)) return null;
    this.struck = `${fault.how} ${fault.when} ${label.slice(0, 60)}`;
    if (fault.how === "kill") this.dead = true;
    return fault;
  }
}

export function storeOf(life: Life, store: ArtifactStore): ArtifactStore {
  const call = <Result>(label: string, effect: () => Promise<Result>) => life.call("store", label, effect);
  return {
    put: (...args) => call("store.put", () => store.put(...args)),
    beginParts: (...args) => call("store.beginParts", () => store.beginParts(...args)),
    putPart: (...args) => call("store.putPart", () => store.putPart(...args)),
    presignPart: (...args) => store.presignPart(...args),
    listParts: (...args) => call("store.listParts", () => store.listParts(...args)),
    joinParts: (...args) => call("store.joinParts", () => store.joinParts(...args)),
    abandonParts: (...args) => call("store.abandonParts", () => store.abandonParts(...args)),
    size: (...args) => call("store.size", () => store.size(...args)),
    get: (...args) => call("store.get", () => store.get(...args)),
    // Where what was done is not heard of, a body breaks off half-way.
    open: (key, range) =>
      life.call(
        "store",
        "store.open",
        () => store.open(key, range),
        (body) => body && brokenOff(body, range),
      ),
    delete: (...args) => call("store.delete", () => store.delete(...args)),
  };
}

/** The first half of a body, and then an error. */
function brokenOff(body: ReadableStream<Uint8Array>, { from, to }: { from: number; to: number }) {
  let left = (to - from) >> 1;
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        controller.enqueue(chunk.subarray(0, left));
        left -= chunk.byteLength;
        if (left <= 0) controller.error(new Error("the connection was lost"));
      },
    }),
  );
}

export function queuesOf(life: Life, queues: Queues): Queues {
  return {
    evaluations: { send: (message) => life.call("send", "evaluations.send", () => queues.evaluations.send(message)) },
    deliveries: {
      send: (message, options) => life.call("send", "deliveries.send", () => queues.deliveries.send(message, options)),
    },
  };
}

import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { eq } from "drizzle-orm";
import pLimit from "p-limit";
import type { Stack } from "../../local/stack.ts";
import { connect, type Database } from "../../src/database/client.ts";
import { artifacts } from "../../src/database/schema.ts";
import { tableSuite } from "../../test/stack/table-model.ts";
import { Client } from "../../trainer/src/client/client.ts";
import type { BenchWorker } from "../worker/start.ts";
import type { SizedFile } from "./file.ts";

const PARTS_AT_ONCE = 2;
/** /proc counts hundredths of a second. */
const TICKS_A_SECOND = 100;

/** Seconds on the clock, and of the processor: null where the machine does not tell. */
export interface Cost {
  seconds: number;
  cpuSeconds: number | null;
}

interface Part {
  offset: number;
  bytes: number;
  url: string;
}

/** The ways in which a file meets the service, one at a time. */
export class Lab {
  readonly #stack: Stack;
  readonly #rival: BenchWorker;
  readonly #client: Client;
  readonly #db: Database;
  readonly #closeDb: () => Promise<void>;
  readonly #lines: LogLines;
  #model = "";
  #step = 0;

  constructor(stack: Stack, rival: BenchWorker, lines: LogLines) {
    this.#stack = stack;
    this.#rival = rival;
    this.#lines = lines;
    this.#client = new Client({ url: stack.url, key: stack.adminKey });
    const { databaseUrl: url, databaseWsProxy: wsProxy } = stack.connection;
    ({ db: this.#db, close: this.#closeDb } = connect({ url, wsProxy }));
  }

  async prepare(): Promise<void> {
    await this.#client.putSuite("bench", tableSuite());
    this.#model = (await this.#client.createModel({ name: "sizes", suite: "bench" })).id;
  }

  async put(file: SizedFile): Promise<Cost> {
    const body = file.slice(0, file.bytes);
    return await this.#costOf("api", () => this.#client.pushCheckpoint(this.#model, ++this.#step, body));
  }

  /** Sends the parts; then the evaluator reads the file back, which alone is timed. */
  async upload(file: SizedFile): Promise<Cost> {
    const at = `/models/${this.#model}/checkpoints/${++this.#step}/uploads`;
    const { id, parts } = await this.#post(at, { bytes: file.bytes, digest: file.digest });
    const limit = pLimit(PARTS_AT_ONCE);
    await Promise.all(parts.map((part) => limit(() => putPart(file, part))));
    const verified = this.#lines.wait(
      "upload.worked",
      (line) => line["uploadId"] === id && line["outcome"] !== "put_down",
    );
    // It answers once the store has joined the parts, and the message is sent.
    await this.#post(`/uploads/${id}/complete`, {});
    return await this.#costOf("evaluator", async () => {
      const { outcome } = await verified;
      if (outcome !== "complete") throw new Error(`the upload is ${outcome}`);
    });
  }

  /** The rival: the same object, once more. */
  async read(file: SizedFile): Promise<number> {
    const [row] = await this.#db
      .select({ key: artifacts.objectKey })
      .from(artifacts)
      .where(eq(artifacts.digest, file.digest));
    const start = performance.now();
    const answer = await fetch(`${this.#rival.url}/stored/${row?.key}`, { method: "POST" });
    const digest = Buffer.from(await answer.arrayBuffer()).toString("hex");
    const seconds = (performance.now() - start) / 1000;
    if (`sha256:${digest}` !== file.digest) throw new Error("the rival read another file");
    return seconds;
  }

  /** Lets the next file take this one's place in the store. */
  async forget(): Promise<void> {
    const headers = { authorization: `Bearer ${this.#stack.adminKey}` };
    const answer = await fetch(`${this.#stack.url}/models/${this.#model}/checkpoints?from=0`, {
      method: "DELETE",
      headers,
    });
    if (!answer.ok) throw new Error(`DELETE answered ${answer.status}`);
    await pause(100);
  }

  async close(): Promise<void> {
    await this.#closeDb();
  }

  async #costOf(worker: "api" | "evaluator", work: () => Promise<unknown>): Promise<Cost> {
    const pid = this.#stack.pids()[worker];
    const [start, cpu] = [performance.now(), cpuSecondsOf(pid)];
    await work();
    const [end, after] = [performance.now(), cpuSecondsOf(pid)];
    return { seconds: (end - start) / 1000, cpuSeconds: cpu === null || after === null ? null : after - cpu };
  }

  async #post(path: string, body: object): Promise<{ id: string; parts: Part[] }> {
    const headers = { authorization: `Bearer ${this.#stack.adminKey}`, "content-type": "application/json" };
    const answer = await fetch(this.#stack.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`POST ${path} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as { id: string; parts: Part[] };
  }
}

async function putPart(file: SizedFile, { offset, bytes, url }: Part): Promise<void> {
  const answer = await fetch(url, { method: "PUT", body: file.slice(offset, offset + bytes) });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`a part at ${offset} answered ${answer.status}`);
}

/** User and system time of a process so far (Linux); null elsewhere. */
function cpuSecondsOf(pid: number | null): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // After the name, which is in parentheses and may hold anything: fields 14 and 15 of proc(5).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
  } catch {
    return null;
  }
}

type Line = Record<string, unknown>;

/** What the Workers log, as it comes: that the evaluator is done is known sooner so than by asking. */
export class LogLines {
  readonly #waiting = new Set<(line: Line) => void>();

  /** Takes a line of the stack: the Worker's name, and JSON where the Worker wrote it. */
  readonly take = (text: string): void => {
    const json = /^\w+: (\{.*\})$/.exec(text)?.[1];
    if (json === undefined) return;
    const line = JSON.parse(json) as Line;
    for (const waiter of this.#waiting) waiter(line);
  };

  wait(event: string, wanted: (line: Line) => boolean): Promise<Line> {
    return new Promise((resolve) => {
      const waiter = (line: Line) => {
        if (line["event"] !== event || !wanted(line)) return;
        this.#waiting.delete(waiter);
        resolve(line);
      };
      this.#waiting.add(waiter);
    });
  }
}

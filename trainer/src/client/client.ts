import { createHash } from "node:crypto";
import {
  isModel,
  isTrajectory,
  isVerdict,
  type ModelDocument,
  parseDocument,
  type TrajectoryDocument,
  type VerdictDocument,
} from "./documents.ts";
import { type Answer, type RetrySettings, retryDefaults, sendWithRetries } from "./retry.ts";

export interface ClientSettings {
  /** Where the service is, for example http://localhost:8787. */
  readonly url: string;
  /** A key with the scopes `read` and `push`. */
  readonly key: string;
  readonly retry?: Partial<RetrySettings>;
}

export interface NewModel {
  readonly name: string;
  /** A suite's name; the model is pinned to its newest version. */
  readonly suite: string;
  readonly tags?: readonly string[];
  /** Models of one ensemble differ by their seed alone. */
  readonly ensemble?: string;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** Each method resolves once the service has said yes, and may be repeated without harm. */
export class Client {
  readonly #base: string;
  readonly #key: string;
  readonly #retry: RetrySettings;

  constructor({ url, key, retry }: ClientSettings) {
    this.#base = url.replace(/\/+$/, "");
    this.#key = key;
    this.#retry = { ...retryDefaults, ...retry };
  }

  async putSuite(name: string, bytes: Bytes): Promise<void> {
    await this.#send("PUT", `/suites/${encodeURIComponent(name)}`, { ...octets(bytes), body: bytes });
  }

  /** Makes the model, or finds the one of that name. */
  async createModel(model: NewModel): Promise<ModelDocument> {
    const answer = await this.#send("POST", "/models", {
      headers: { "content-type": "application/json" },
      body: JSON.stringify(model),
    });
    return parseDocument(answer.body, isModel, "POST /models");
  }

  /** `new` is false where the step held the same bytes already. */
  async pushCheckpoint(modelId: string, step: number, onnx: Bytes): Promise<{ new: boolean }> {
    const path = `/models/${encodeURIComponent(modelId)}/checkpoints/${step}`;
    const { status } = await this.#send("PUT", path, { ...octets(onnx), body: onnx });
    return { new: status !== 200 };
  }

  async getVerdict(modelId: string): Promise<VerdictDocument> {
    const answer = await this.#send("GET", `/models/${encodeURIComponent(modelId)}/verdict`, {});
    return parseDocument(answer.body, isVerdict, "GET verdict");
  }

  /** One page; pass `next` of the page before to go on. */
  async getTrajectory(modelId: string, cursor?: string): Promise<TrajectoryDocument> {
    const query = cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`;
    const answer = await this.#send("GET", `/models/${encodeURIComponent(modelId)}/trajectory${query}`, {});
    return parseDocument(answer.body, isTrajectory, "GET trajectory");
  }

  async #send(
    method: string,
    path: string,
    request: { headers?: Record<string, string>; body?: string | Bytes },
  ): Promise<Answer> {
    const headers = { accept: "application/json", authorization: `Bearer ${this.#key}`, ...request.headers };
    return sendWithRetries((signal) => fetch(this.#base + path, { ...request, method, headers, signal }), this.#retry);
  }
}

/** fetch itself adds Content-Length for bytes; Content-Digest is RFC 9530. */
function octets(bytes: Bytes): { headers: Record<string, string> } {
  const digest = createHash("sha256").update(bytes).digest("base64");
  return { headers: { "content-type": "application/octet-stream", "content-digest": `sha-256=:${digest}:` } };
}

import { dtypeFacts } from "./dtypes.ts";
import { ElementStream, type Workspace } from "./element-stream.ts";
import { TensorFormatError } from "./errors.ts";
import type { Ledger } from "./ledger.ts";
import type { Measurement } from "./measurement.ts";
import { checkSafetensorsSize } from "./safetensors.ts";
import {
  notSafetensors,
  PREFIX_BYTES,
  parseSafetensorsHeader,
  type SafetensorsHeader,
  safetensorsHeaderBytes,
} from "./safetensors-header.ts";

/** Measures a safetensors file as it streams by. */
export class SafetensorsMeter {
  readonly #ledger: Ledger;
  readonly #workspace: Workspace;
  /** Prefix and JSON; grows with what has arrived and not with what is claimed. */
  #head = new Uint8Array(1024);
  #needed = PREFIX_BYTES;
  #received = 0;
  #header: SafetensorsHeader | undefined;
  #index = 0;
  #elements: ElementStream | undefined;

  constructor(ledger: Ledger, workspace: Workspace) {
    this.#ledger = ledger;
    this.#workspace = workspace;
  }

  write(chunk: Uint8Array): void {
    let at = 0;
    while (this.#header === undefined) {
      if (at === chunk.length) return;
      const length = Math.min(chunk.length - at, this.#needed - this.#received);
      this.#append(chunk.subarray(at, at + length));
      at += length;
      if (this.#received === this.#needed) this.#readHead();
    }
    this.#measure(this.#header, chunk, at);
  }

  end(): Measurement {
    if (this.#received === 0) throw notSafetensors("The file is empty.");
    const header = this.#header;
    if (header === undefined) {
      // Says what is wrong with it: too short to tell, or not the format at all.
      const head = this.#head.subarray(0, this.#received);
      if (this.#received < PREFIX_BYTES) safetensorsHeaderBytes(head, this.#ledger.limits);
      throw new TensorFormatError(
        "truncated",
        `The file ends after ${this.#received} bytes, inside of its header of ${this.#needed}. Send it whole.`,
      );
    }
    checkSafetensorsSize(header.fileBytes, this.#received);
    return { format: "safetensors", ...this.#ledger.total(), graph: null };
  }

  #append(bytes: Uint8Array): void {
    if (this.#received + bytes.length > this.#head.length) {
      const larger = new Uint8Array(
        Math.min(Math.max(this.#head.length * 2, this.#received + bytes.length), this.#needed),
      );
      larger.set(this.#head.subarray(0, this.#received));
      this.#head = larger;
    }
    this.#head.set(bytes, this.#received);
    this.#received += bytes.length;
  }

  #readHead(): void {
    const head = this.#head.subarray(0, this.#received);
    if (this.#needed === PREFIX_BYTES) {
      this.#needed = safetensorsHeaderBytes(head, this.#ledger.limits);
      return;
    }
    this.#header = parseSafetensorsHeader(head, this.#ledger.limits);
    this.#head = new Uint8Array(0);
    for (const _ of this.#header.tensors) this.#ledger.beginTensor();
    this.#finishTensors(this.#header);
  }

  #measure(header: SafetensorsHeader, chunk: Uint8Array, start: number): void {
    let at = start;
    while (at < chunk.length) {
      const tensor = header.tensors[this.#index];
      if (tensor === undefined) checkSafetensorsSize(header.fileBytes, this.#received + chunk.length - at);
      else {
        this.#elements ??= new ElementStream(dtypeFacts(tensor.dtype), this.#workspace);
        const length = Math.min(chunk.length - at, tensor.offset + tensor.byteLength - this.#received);
        this.#elements.write(chunk, at, at + length);
        at += length;
        this.#received += length;
        this.#finishTensors(header);
      }
    }
  }

  /** Enters all tensors that end where the file has come to: more than one where some are empty. */
  #finishTensors(header: SafetensorsHeader): void {
    for (let tensor = header.tensors[this.#index]; tensor !== undefined; tensor = header.tensors[this.#index]) {
      if (tensor.offset + tensor.byteLength !== this.#received) return;
      const elements = this.#elements ?? new ElementStream(dtypeFacts(tensor.dtype), this.#workspace);
      elements.end();
      this.#ledger.addTensor(tensor.name, elements.dtype, tensor.shape, elements.statistics);
      this.#elements = undefined;
      this.#index++;
    }
  }
}

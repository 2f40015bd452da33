import type { Workspace } from "./element-stream.ts";
import { TensorFormatError } from "./errors.ts";
import type { Ledger } from "./ledger.ts";
import { PROTOBUF_BYTES } from "./limits.ts";
import type { Measurement } from "./measurement.ts";
import { ModelMessage } from "./onnx-model.ts";
import { ProtobufStream } from "./protobuf-stream.ts";
import { describeForeign, looksLikeSafetensors } from "./sniff.ts";

const HEAD_BYTES = 16;

/** Measures an ONNX file as it streams by. */
export class OnnxMeter {
  readonly #ledger: Ledger;
  readonly #model: ModelMessage;
  readonly #stream: ProtobufStream;
  readonly #head = new Uint8Array(HEAD_BYTES);
  #received = 0;

  constructor(ledger: Ledger, workspace: Workspace) {
    this.#ledger = ledger;
    this.#model = new ModelMessage(ledger, workspace);
    this.#stream = new ProtobufStream(this.#model);
  }

  write(chunk: Uint8Array): void {
    if (this.#received < HEAD_BYTES) {
      this.#head.set(chunk.subarray(0, HEAD_BYTES - this.#received), this.#received);
    }
    this.#received += chunk.length;
    const limit = Math.min(this.#ledger.limits.fileBytes, PROTOBUF_BYTES);
    if (this.#received > limit) {
      throw new TensorFormatError(
        "file_too_large",
        `The ONNX file is over ${limit} bytes. Send the weights as safetensors instead, and evaluations measured elsewhere.`,
      );
    }
    this.#explain(() => this.#stream.write(chunk));
  }

  end(): Measurement {
    this.#explain(() => this.#stream.end());
    return { format: "onnx", ...this.#ledger.total((name) => this.#model.roleOf(name)), graph: this.#model.describe() };
  }

  /** What goes wrong before a graph has begun says nothing about models: the file is none. */
  #explain(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof TensorFormatError) || this.#model.recognized) throw error;
      const head = this.#head.subarray(0, Math.min(this.#received, HEAD_BYTES));
      const foreign =
        describeForeign(head) ??
        (head.length > 8 && looksLikeSafetensors(head)
          ? "It is a safetensors file; say so in its Content-Type or name."
          : undefined);
      if (
        foreign === undefined &&
        head[0] === 0x08 &&
        (error.code === "truncated" || error.code === "incomplete_model")
      ) {
        throw error;
      }
      throw new TensorFormatError(
        "not_onnx",
        `This is not an ONNX model. ${foreign ?? "Its bytes do not begin as one does."} Write one with torch.onnx.export(model, example, path, external_data=False).`,
      );
    }
  }
}

import { quote, TensorFormatError } from "./errors.ts";
import type { MeterLimits } from "./limits.ts";
import { type OperatorCounts, refuseControlFlow } from "./onnx-operators.ts";
import { refuseExternal } from "./onnx-tensor.ts";
import { textSink } from "./protobuf-sinks.ts";
import { type ByteSink, Message } from "./protobuf-stream.ts";

/** Throws `sparse_tensor`. */
export function refuseSparse(what: string): never {
  throw new TensorFormatError("sparse_tensor", `${what} is sparse, which cannot be measured. Store it dense.`);
}

/** NodeProto: counted by operator, everything else passed over. */
export class NodeMessage extends Message {
  readonly #counts: OperatorCounts;
  readonly #limits: MeterLimits;
  #name = "";
  #operator = "";
  #domain = "";
  #overload = "";

  constructor(counts: OperatorCounts, limits: MeterLimits) {
    super();
    this.#counts = counts;
    this.#limits = limits;
  }

  override delimited(field: number, length: number): Message | ByteSink | null {
    switch (field) {
      case 3:
        return this.#text(length, "The name of a node", (text) => {
          this.#name = text;
        });
      case 4:
        return this.#text(length, "The operator of a node", (text) => {
          this.#operator = text;
        });
      case 7:
        return this.#text(length, "The domain of a node", (text) => {
          this.#domain = text;
        });
      case 8:
        return this.#text(length, "The overload of a node", (text) => {
          this.#overload = text;
        });
      case 5: {
        const { constantBytes } = this.#limits;
        if (length > constantBytes) {
          throw new TensorFormatError(
            "constant_too_large",
            `${this.#what()} has an attribute of ${length} bytes, the limit is ${constantBytes}. Keep weights as initializers, where they are measured: torch.onnx.export(..., export_params=True).`,
          );
        }
        return new AttributeMessage(() => this.#what());
      }
      default:
        return null;
    }
  }

  override end(): void {
    this.#counts.add(this.#operator, this.#domain, this.#overload, this.#what());
  }

  #text(length: number, what: string, done: (text: string) => void): ByteSink {
    return textSink(length, this.#limits.nameBytes, what, done);
  }

  #what(): string {
    return `Node ${quote(this.#name)} (${quote(this.#operator)})`;
  }
}

/** AttributeProto: looked into only for what a checkpoint must not have. */
class AttributeMessage extends Message {
  readonly #what: () => string;

  constructor(what: () => string) {
    super();
    this.#what = what;
  }

  override delimited(field: number): Message | null {
    if (field === 5 || field === 10) return new ConstantMessage(this.#what);
    if (field === 6 || field === 11) refuseControlFlow(this.#what());
    if (field === 22 || field === 23) refuseSparse(`A tensor of ${this.#what()}`);
    return null;
  }
}

/** TensorProto of an attribute: not measured. */
class ConstantMessage extends Message {
  readonly #what: () => string;

  constructor(what: () => string) {
    super();
    this.#what = what;
  }

  override varint(field: number, low: number): void {
    if (field === 14 && low !== 0) refuseExternal(this.#what());
  }

  override delimited(field: number): null {
    if (field === 13) refuseExternal(this.#what());
    return null;
  }
}

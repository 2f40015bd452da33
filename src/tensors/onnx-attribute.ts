import { TensorFormatError } from "./errors.ts";
import { openSubgraph, type Scope } from "./onnx-scope.ts";
import { refuseExternal } from "./onnx-tensor.ts";
import { BytesSink, signed64, textSink, VarintsSink } from "./protobuf-sinks.ts";
import { type ByteSink, Message } from "./protobuf-stream.ts";

/** More dimensions than any tensor has: longer lists of integers are no shape. */
const SHAPE_ELEMENTS = 64;
const INT64 = 7;

/** Throws `sparse_tensor`. */
export function refuseSparse(what: string): never {
  throw new TensorFormatError("sparse_tensor", `${what} is sparse, which cannot be measured. Store it dense.`);
}

/** Multiplies integers that may be a shape. */
class Product {
  #value = 1;
  #count = 0;

  add(low: number, high: number): void {
    this.#count++;
    this.#value *= signed64(low, high);
  }

  /** Undefined where there were none, or too many for a shape. */
  get value(): number | undefined {
    return this.#count === 0 || this.#count > SHAPE_ELEMENTS ? undefined : this.#value;
  }
}

/**
 * AttributeProto: looked into for what a checkpoint must not have, and for integers that may be a shape. `done` gets
 * its name and what those multiply to.
 */
export class AttributeMessage extends Message {
  readonly #scope: Scope;
  readonly #what: () => string;
  readonly #done: (name: string, product: number) => void;
  readonly #integers = new Product();
  #name = "";
  #tensor: ConstantMessage | undefined;

  constructor(scope: Scope, what: () => string, done: (name: string, product: number) => void) {
    super();
    this.#scope = scope;
    this.#what = what;
    this.#done = done;
  }

  override varint(field: number, low: number, high: number): void {
    if (field === 8) this.#integers.add(low, high);
  }

  override delimited(field: number, length: number): Message | ByteSink | null {
    switch (field) {
      case 1:
        return textSink(length, this.#scope.ledger.limits.nameBytes, "The name of an attribute", (name) => {
          this.#name = name;
        });
      case 5:
      case 10:
        this.#tensor = new ConstantMessage(this.#what);
        return this.#tensor;
      case 6:
      case 11:
        return openSubgraph(this.#scope, this.#what());
      case 8:
        return new VarintsSink((low, high) => this.#integers.add(low, high));
      case 22:
      case 23:
        return refuseSparse(`A tensor of ${this.#what()}`);
      default:
        return null;
    }
  }

  override end(): void {
    const product = this.#integers.value ?? this.#tensor?.product;
    if (product !== undefined) this.#done(this.#name, product);
  }
}

/** TensorProto of an attribute: not measured. */
class ConstantMessage extends Message {
  readonly #what: () => string;
  readonly #integers = new Product();
  #type = 0;

  constructor(what: () => string) {
    super();
    this.#what = what;
  }

  /** What its elements multiply to, where they may be a shape. */
  get product(): number | undefined {
    return this.#type === INT64 ? this.#integers.value : undefined;
  }

  override varint(field: number, low: number, high: number): void {
    if (field === 14 && low !== 0) refuseExternal(this.#what());
    if (field === 2) this.#type = low;
    if (field === 7) this.#integers.add(low, high);
  }

  override delimited(field: number, length: number): ByteSink | null {
    if (field === 13) refuseExternal(this.#what());
    if (field === 7) return new VarintsSink((low, high) => this.#integers.add(low, high));
    if (field === 9 && length % 8 === 0 && length <= 8 * SHAPE_ELEMENTS) {
      return new BytesSink(length, (bytes) => {
        const words = new Uint32Array(bytes.buffer);
        for (let i = 0; i < words.length; i += 2) this.#integers.add(words[i] as number, words[i + 1] as number);
      });
    }
    return null;
  }
}

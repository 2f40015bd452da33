import { onnxTypeName } from "./dtypes.ts";
import { quote, TensorFormatError } from "./errors.ts";
import { checkName, type Ledger } from "./ledger.ts";
import type { GraphValue } from "./measurement.ts";
import { signed64, textSink } from "./protobuf-sinks.ts";
import { type ByteSink, Message } from "./protobuf-stream.ts";

/** What one ValueInfoProto gathers as its nested messages pass. */
interface Draft {
  name: string;
  dtype: string;
  shape: (number | string | null)[];
  ranked: boolean;
}

/** ValueInfoProto: an input or output with its type. */
export class ValueMessage extends Message {
  readonly #ledger: Ledger;
  readonly #done: (value: GraphValue) => void;
  readonly #draft: Draft = { name: "", dtype: "unknown", shape: [], ranked: false };

  constructor(ledger: Ledger, done: (value: GraphValue) => void) {
    super();
    this.#ledger = ledger;
    this.#done = done;
  }

  override delimited(field: number, length: number): Message | ByteSink | null {
    if (field === 1) {
      return textSink(length, this.#ledger.limits.nameBytes, "The name of an input or output", (name) => {
        this.#draft.name = checkName(name, "Input or output", this.#ledger.limits);
      });
    }
    return field === 2 ? new TypeMessage(this.#draft, this.#ledger) : null;
  }

  override end(): void {
    this.#ledger.keep(this.#draft.name.length * 2 + 64);
    this.#done(this.#draft);
  }
}

/** A message of a value's type, which fills the draft of the value. */
abstract class DraftMessage extends Message {
  protected readonly draft: Draft;
  protected readonly ledger: Ledger;

  constructor(draft: Draft, ledger: Ledger) {
    super();
    this.draft = draft;
    this.ledger = ledger;
  }
}

/** Fields of TypeProto that are not tensors. */
const OTHER_TYPES: Readonly<Record<number, string>> = {
  4: "sequence",
  5: "map",
  7: "opaque",
  8: "sparse",
  9: "optional",
};

/** TypeProto. */
class TypeMessage extends DraftMessage {
  override delimited(field: number): Message | null {
    if (field === 1) return new TensorTypeMessage(this.draft, this.ledger);
    this.draft.dtype = OTHER_TYPES[field] ?? this.draft.dtype;
    return null;
  }
}

/** TypeProto.Tensor. */
class TensorTypeMessage extends DraftMessage {
  override varint(field: number, low: number): void {
    if (field === 1) this.draft.dtype = onnxTypeName(low);
  }

  override delimited(field: number): Message | null {
    if (field !== 2) return null;
    this.draft.ranked = true;
    return new ShapeMessage(this.draft, this.ledger);
  }
}

/** TensorShapeProto. */
class ShapeMessage extends DraftMessage {
  override delimited(field: number): Message | null {
    if (field !== 1) return null;
    const { shape, name } = this.draft;
    if (shape.length >= this.ledger.limits.rank) {
      throw new TensorFormatError(
        "shape_too_large",
        `Input or output ${quote(name)} has more than ${this.ledger.limits.rank} dimensions. Reshape it.`,
      );
    }
    shape.push(null);
    return new DimensionMessage(shape, this.ledger);
  }
}

/** TensorShapeProto.Dimension: fills the last entry of the shape. */
class DimensionMessage extends Message {
  readonly #shape: (number | string | null)[];
  readonly #ledger: Ledger;

  constructor(shape: (number | string | null)[], ledger: Ledger) {
    super();
    this.#shape = shape;
    this.#ledger = ledger;
  }

  override varint(field: number, low: number, high: number): void {
    if (field !== 1) return;
    const value = signed64(low, high);
    // Exporters write -1 for an unknown dimension.
    this.#shape[this.#shape.length - 1] = Number.isSafeInteger(value) && value >= 0 ? value : null;
  }

  override delimited(field: number, length: number): ByteSink | null {
    if (field !== 2) return null;
    return textSink(length, this.#ledger.limits.nameBytes, "The name of a dimension", (name) => {
      this.#ledger.keep(name.length * 2);
      const symbol = checkName(name, "Dimension", this.#ledger.limits);
      this.#shape[this.#shape.length - 1] = symbol === "" ? null : symbol;
    });
  }
}

import { type DtypeFacts, dtypeFromOnnx, elementCount, onnxTypeName } from "./dtypes.ts";
import { ElementStream, type Workspace } from "./element-stream.ts";
import { describeShape, quote, TensorFormatError } from "./errors.ts";
import { checkName, type Ledger } from "./ledger.ts";
import { REORDER_BYTES } from "./limits.ts";
import { BytesSink, signed64, textSink, VarintsSink } from "./protobuf-sinks.ts";
import { type ByteSink, Message, malformed } from "./protobuf-stream.ts";

// TensorProto's fields that hold elements, and the types each may hold (onnx.proto).
const FLOAT_DATA = 4;
const INT32_DATA = 5;
const STRING_DATA = 6;
const INT64_DATA = 7;
const RAW_DATA = 9;
const DOUBLE_DATA = 10;
const UINT64_DATA = 11;

const HOLDS: Readonly<Record<number, (dtype: DtypeFacts) => boolean>> = {
  [FLOAT_DATA]: ({ name }) => name === "float32",
  [INT32_DATA]: ({ name, bytes }) => name === "int32" || bytes < 4,
  [INT64_DATA]: ({ name }) => name === "int64",
  [RAW_DATA]: () => true,
  [DOUBLE_DATA]: ({ name }) => name === "float64",
  [UINT64_DATA]: ({ name }) => name === "uint32" || name === "uint64",
};

/** Throws `external_data`; the message is the way out. */
export function refuseExternal(what: string): never {
  throw new TensorFormatError(
    "external_data",
    `${what} keeps its data in another file, and a checkpoint is one file. Export with torch.onnx.export(..., external_data=False), or load the model with the onnx package and onnx.save(model, path) it into one file.`,
  );
}

function elementSink(elements: ElementStream): ByteSink {
  return { kind: "bytes", write: (chunk, start, end) => elements.write(chunk, start, end), end: () => {} };
}

/**
 * An initializer: measured as its bytes pass, entered into the ledger at its end. `shape` gets the name of one that may
 * be the shape of another tensor, and what its elements multiply to.
 */
export class InitializerMessage extends Message {
  readonly #ledger: Ledger;
  readonly #workspace: Workspace;
  readonly #shape: (name: string, product: number) => void;
  readonly #number: number;
  #name: string | undefined;
  readonly #dims: number[] = [];
  #dtype: DtypeFacts | undefined;
  /** A type that cannot be measured: refused once the name is known, which comes after it. */
  #unmeasured: string | undefined;
  #elements: ElementStream | undefined;
  /** The one field that holds the elements; none of them may be mixed with another. */
  #dataField: number | undefined;
  /** raw_data that came before the data_type it is to be read by. */
  #early: Uint8Array | undefined;

  constructor(ledger: Ledger, workspace: Workspace, shape: (name: string, product: number) => void) {
    super();
    this.#ledger = ledger;
    this.#workspace = workspace;
    this.#shape = shape;
    this.#number = ledger.beginTensor();
  }

  override varint(field: number, low: number, high: number): void {
    if (this.#unmeasured !== undefined) return;
    if (field === 1) this.#addDimension(low, high);
    else if (field === 2) this.#setType(low, high);
    else if (field === 14 && low !== 0) refuseExternal(this.#what());
    else if (field === INT32_DATA || field === INT64_DATA || field === UINT64_DATA) this.#integerInto(field)(low, high);
  }

  override fixed(field: number, low: number, high: number, bytes: 4 | 8): void {
    if (this.#unmeasured !== undefined) return;
    if ((field === FLOAT_DATA && bytes === 4) || (field === DOUBLE_DATA && bytes === 8)) {
      this.#elementsOf(field).writeBits(low, high);
    }
  }

  override delimited(field: number, length: number): ByteSink | null {
    if (this.#unmeasured !== undefined && field !== 8) return null;
    switch (field) {
      case 1:
        return new VarintsSink((low, high) => this.#addDimension(low, high));
      case 3:
        throw new TensorFormatError(
          "unsupported_encoding",
          `${this.#what()} is stored in segments, which no runtime reads. Export it whole.`,
        );
      case STRING_DATA:
        throw this.#unsupported("string");
      case 8:
        if (this.#name !== undefined) throw this.#twice("name");
        return textSink(
          length,
          this.#ledger.limits.nameBytes,
          `The name of initializer ${this.#number} of the file`,
          (name) => {
            this.#name = checkName(name, "Initializer", this.#ledger.limits);
            if (this.#unmeasured !== undefined) throw this.#unsupported(this.#unmeasured);
          },
        );
      case 13:
        return refuseExternal(this.#what());
      case RAW_DATA:
        return this.#rawData(length);
      case FLOAT_DATA:
      case DOUBLE_DATA: {
        const elements = this.#elementsOf(field);
        if (length % elements.dtype.bytes !== 0) throw malformed(`${this.#what()} ends inside of an element`);
        return elementSink(elements);
      }
      case INT32_DATA:
      case INT64_DATA:
      case UINT64_DATA:
        return new VarintsSink(this.#integerInto(field));
      default:
        return null;
    }
  }

  override end(): void {
    if (this.#unmeasured !== undefined) throw this.#unsupported(this.#unmeasured);
    if (this.#name === undefined || this.#name === "") {
      throw new TensorFormatError("invalid_name", `${this.#what()} has no name. Export the model again.`);
    }
    const dtype = this.#dtype;
    if (dtype === undefined) {
      throw new TensorFormatError("unsupported_dtype", `${this.#what()} has no data_type. Export the model again.`);
    }
    const count = this.#count();
    if (this.#elements === undefined && count === 0) this.#elements = new ElementStream(dtype, this.#workspace);
    const received = this.#elements?.received ?? 0;
    if (this.#elements === undefined || received !== count * dtype.bytes) {
      throw new TensorFormatError(
        "size_mismatch",
        `${this.#what()} of shape ${describeShape(this.#dims)} and type ${dtype.name} takes ${count * dtype.bytes} bytes and has ${received}. Export the model again.`,
      );
    }
    this.#elements.end();
    this.#ledger.addTensor(this.#name, dtype, this.#dims, this.#elements.statistics);
    const { product } = this.#elements;
    if (product !== undefined) this.#shape(this.#name, product);
  }

  #what(): string {
    return this.#name === undefined ? `Initializer ${this.#number} of the file` : `Initializer ${quote(this.#name)}`;
  }

  #unsupported(type: string): TensorFormatError {
    return new TensorFormatError(
      "unsupported_dtype",
      `${this.#what()} is of type ${type}, which cannot be measured. Convert it to float32, float16 or bfloat16.`,
    );
  }

  #twice(field: string): TensorFormatError {
    return new TensorFormatError(
      "duplicate_field",
      `${this.#what()} has ${field} more than once, and readers differ on which counts. Export the model again.`,
    );
  }

  #addDimension(low: number, high: number): void {
    this.#dims.push(signed64(low, high));
    if (this.#dims.length > this.#ledger.limits.rank) this.#count();
  }

  #setType(low: number, high: number): void {
    if (this.#dtype !== undefined) throw this.#twice("data_type");
    this.#dtype = high === 0 ? dtypeFromOnnx(low) : undefined;
    if (this.#dtype === undefined) {
      this.#unmeasured = high === 0 ? onnxTypeName(low) : "unknown";
      if (this.#name !== undefined) throw this.#unsupported(this.#unmeasured);
      return;
    }
    const early = this.#early;
    if (early === undefined) return;
    this.#early = undefined;
    this.#elements = new ElementStream(this.#dtype, this.#workspace);
    this.#elements.write(early, 0, early.length);
  }

  /** Elements by the dimensions so far. */
  #count(): number {
    const { elements, rank } = this.#ledger.limits;
    const count = this.#dims.length > rank ? undefined : elementCount(this.#dims, elements);
    if (count === undefined) {
      throw new TensorFormatError(
        "shape_too_large",
        `${this.#what()} of shape ${describeShape(this.#dims)} exceeds ${elements} elements or ${rank} dimensions. Split it.`,
      );
    }
    return count;
  }

  #claim(field: number): void {
    if (this.#dataField !== undefined && this.#dataField !== field) {
      throw new TensorFormatError(
        "unsupported_encoding",
        `${this.#what()} holds elements in two fields at once, and readers differ on which counts. Export the model again.`,
      );
    }
    this.#dataField = field;
  }

  /** The stream for the elements of a data field. */
  #elementsOf(field: number): ElementStream {
    this.#claim(field);
    const dtype = this.#dtype;
    if (dtype === undefined) throw this.#outOfOrder();
    if (HOLDS[field]?.(dtype) !== true) {
      throw new TensorFormatError(
        "unsupported_encoding",
        `${this.#what()} is of type ${dtype.name} but holds its elements in a field of another type. Export the model again.`,
      );
    }
    this.#elements ??= new ElementStream(dtype, this.#workspace);
    return this.#elements;
  }

  #outOfOrder(): TensorFormatError {
    return new TensorFormatError(
      "field_order",
      `${this.#what()} has its elements before its data_type and too many to wait. Write fields in the order of their numbers, as every protobuf library does.`,
    );
  }

  #rawData(length: number): ByteSink {
    if (this.#dataField === RAW_DATA) throw this.#twice("raw_data");
    this.#claim(RAW_DATA);
    if (this.#dtype === undefined) {
      if (length > REORDER_BYTES) throw this.#outOfOrder();
      return new BytesSink(length, (bytes) => {
        this.#early = bytes;
      });
    }
    return elementSink(this.#elementsOf(RAW_DATA));
  }

  /** Where the integers of int32_data, int64_data or uint64_data go: each checked against the tensor's type. */
  #integerInto(field: number): (low: number, high: number) => void {
    const elements = this.#elementsOf(field);
    const { name, bytes } = elements.dtype;
    if (bytes === 8) return (low, high) => elements.writeBits(low, high);
    const signed = name.startsWith("int");
    const least = signed ? -(2 ** (8 * bytes - 1)) : 0;
    const most = signed ? -least - 1 : name === "bool" ? 1 : 2 ** (8 * bytes) - 1;
    return (low, high) => {
      // int32 is sign-extended to 64 bits on the wire; some writers do not extend.
      const value = field === UINT64_DATA ? high * 2 ** 32 + low : high === 0xffffffff || high === 0 ? low | 0 : NaN;
      if (!(value >= least && value <= most)) {
        throw new TensorFormatError(
          "value_out_of_range",
          `${this.#what()} holds a number that does not fit its type ${name}. Export the model again.`,
        );
      }
      elements.writeBits(low, high);
    };
  }
}

import { quote, TensorFormatError } from "./errors.ts";
import { checkName, type Ledger } from "./ledger.ts";
import type { GraphValue } from "./measurement.ts";
import { refuseSparse } from "./onnx-attribute.ts";
import { NodeMessage } from "./onnx-node.ts";
import type { OperatorCounts } from "./onnx-operators.ts";
import type { Scope } from "./onnx-scope.ts";
import { InitializerMessage } from "./onnx-tensor.ts";
import { ValueMessage } from "./onnx-value.ts";
import { textSink } from "./protobuf-sinks.ts";
import { type ByteSink, Message } from "./protobuf-stream.ts";

/** Inputs, outputs or operator sets beyond their limit. */
export function tooManyValues(what: string, ledger: Ledger): TensorFormatError {
  return new TensorFormatError(
    "too_many_values",
    `The model has more than ${ledger.limits.values} ${what}. Merge some before exporting.`,
  );
}

/** GraphProto: initializers into the ledger, nodes into counts, inputs and outputs as they are. */
export class GraphMessage extends Message {
  readonly inputs: GraphValue[] = [];
  readonly outputs: GraphValue[] = [];
  readonly #scope: Scope;

  constructor(scope: Scope) {
    super();
    this.#scope = scope;
  }

  get operators(): OperatorCounts {
    return this.#scope.operators;
  }

  override delimited(field: number): Message | null {
    const { ledger, workspace, uses, depth } = this.#scope;
    const { limits } = ledger;
    switch (field) {
      case 1:
        return new NodeMessage(this.#scope);
      case 5:
        return new InitializerMessage(ledger, workspace, (name, product) => uses?.addShape(name, product));
      case 11:
        if (depth > 0) return null;
        // Before IR version 4 every initializer was listed as an input too.
        if (this.inputs.length >= limits.values + limits.tensors) throw tooManyValues("inputs", ledger);
        return new ValueMessage(ledger, (value) => this.inputs.push(value));
      case 12:
        if (depth > 0) return null;
        if (this.outputs.length >= limits.values) throw tooManyValues("outputs", ledger);
        return new ValueMessage(ledger, (value) => this.outputs.push(value));
      case 15:
        return new SparseMessage(ledger);
      default:
        return null;
    }
  }
}

/** SparseTensorProto of a graph: refused by the name of its values, which is its own. */
class SparseMessage extends Message {
  readonly #ledger: Ledger;
  #name = "";

  constructor(ledger: Ledger) {
    super();
    this.#ledger = ledger;
  }

  override delimited(field: number): Message | null {
    if (field !== 1) return null;
    return new ValuesMessage(this.#ledger, (name) => {
      this.#name = name;
    });
  }

  override end(): void {
    refuseSparse(this.#name === "" ? "An initializer of the graph" : `Initializer ${quote(this.#name)}`);
  }
}

/** TensorProto of a sparse tensor: read for its name alone. */
class ValuesMessage extends Message {
  readonly #ledger: Ledger;
  readonly #done: (name: string) => void;

  constructor(ledger: Ledger, done: (name: string) => void) {
    super();
    this.#ledger = ledger;
    this.#done = done;
  }

  override delimited(field: number, length: number): ByteSink | null {
    if (field !== 8) return null;
    return textSink(length, this.#ledger.limits.nameBytes, "The name of an initializer", (name) => {
      this.#done(checkName(name, "Initializer", this.#ledger.limits));
    });
  }
}

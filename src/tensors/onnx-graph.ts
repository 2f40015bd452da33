import type { Workspace } from "./element-stream.ts";
import { TensorFormatError } from "./errors.ts";
import type { Ledger } from "./ledger.ts";
import type { GraphValue } from "./measurement.ts";
import { NodeMessage, refuseSparse } from "./onnx-node.ts";
import { OperatorCounts } from "./onnx-operators.ts";
import { InitializerMessage } from "./onnx-tensor.ts";
import { ValueMessage } from "./onnx-value.ts";
import { Message } from "./protobuf-stream.ts";

/** Inputs, outputs or operator sets beyond their limit. */
export function tooManyValues(what: string, ledger: Ledger): TensorFormatError {
  return new TensorFormatError(
    "too_many_values",
    `The model has more than ${ledger.limits.values} ${what}. Merge some before exporting.`,
  );
}

/** GraphProto: initializers into the ledger, nodes into counts, inputs and outputs as they are. */
export class GraphMessage extends Message {
  readonly operators: OperatorCounts;
  readonly inputs: GraphValue[] = [];
  readonly outputs: GraphValue[] = [];
  readonly #ledger: Ledger;
  readonly #workspace: Workspace;
  readonly #countNode: () => void;

  constructor(ledger: Ledger, workspace: Workspace, countNode: () => void) {
    super();
    this.#ledger = ledger;
    this.#workspace = workspace;
    this.#countNode = countNode;
    this.operators = new OperatorCounts(ledger);
  }

  override delimited(field: number): Message | null {
    const { limits } = this.#ledger;
    switch (field) {
      case 1:
        this.#countNode();
        return new NodeMessage(this.operators, limits);
      case 5:
        return new InitializerMessage(this.#ledger, this.#workspace);
      case 11:
        // Before IR version 4 every initializer was listed as an input too.
        if (this.inputs.length >= limits.values + limits.tensors) throw tooManyValues("inputs", this.#ledger);
        return new ValueMessage(this.#ledger, (value) => this.inputs.push(value));
      case 12:
        if (this.outputs.length >= limits.values) throw tooManyValues("outputs", this.#ledger);
        return new ValueMessage(this.#ledger, (value) => this.outputs.push(value));
      case 15:
        return refuseSparse("An initializer of the graph");
      default:
        return null;
    }
  }
}

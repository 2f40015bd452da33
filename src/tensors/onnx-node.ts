import { quote, TensorFormatError } from "./errors.ts";
import { AttributeMessage } from "./onnx-attribute.ts";
import { isStandard } from "./onnx-operators.ts";
import type { Scope } from "./onnx-scope.ts";
import { type NameKey, NameSink, tooLarge } from "./onnx-uses.ts";
import { textSink } from "./protobuf-sinks.ts";
import { type ByteSink, Message } from "./protobuf-stream.ts";

/** NodeProto: counted by operator, its inputs noted, and its attributes looked into. */
export class NodeMessage extends Message {
  readonly #scope: Scope;
  readonly #number: number;
  readonly #inputs: NameKey[] = [];
  readonly #outputs: NameKey[] = [];
  /** What integers in its attributes multiply to, by name. */
  readonly #products = new Map<string, number>();
  #name = "";
  #operator = "";
  #domain = "";
  #overload = "";

  constructor(scope: Scope) {
    super();
    this.#scope = scope;
    this.#number = scope.countNode();
  }

  override delimited(field: number, length: number): Message | ByteSink | null {
    switch (field) {
      case 1:
        return this.#key(this.#inputs);
      case 2:
        return this.#key(this.#outputs);
      case 3:
        return this.#text(length, `The name of node ${this.#number}`, (text) => {
          this.#name = text;
        });
      case 4:
        return this.#text(length, `The operator of node ${this.#number}`, (text) => {
          this.#operator = text;
        });
      case 7:
        return this.#text(length, `The domain of node ${this.#number}`, (text) => {
          this.#domain = text;
        });
      case 8:
        return this.#text(length, `The overload of node ${this.#number}`, (text) => {
          this.#overload = text;
        });
      case 5:
        return this.#attribute(length);
      default:
        return null;
    }
  }

  override end(): void {
    const { operators, uses, ledger } = this.#scope;
    const what = this.#what();
    operators.add(this.#operator, this.#domain, this.#overload, what);
    const standard = isStandard(this.#domain);
    const shape = this.#products.get("shape");
    const { filledElements } = ledger.limits;
    if (standard && shape !== undefined && shape > filledElements) throw tooLarge(what, shape, filledElements);
    if (uses === undefined) return;
    uses.addNode(standard ? this.#operator : "", this.#inputs, this.#outputs, what);
    const constant = this.#products.get("value") ?? this.#products.get("value_ints");
    const [output] = this.#outputs;
    if (this.#operator === "Constant" && constant !== undefined && output !== undefined) {
      uses.addConstant(output, constant);
    }
  }

  /** Inputs and outputs are only compared: their names are not kept. */
  #key(into: NameKey[]): ByteSink | null {
    const { uses } = this.#scope;
    if (uses === undefined) return null;
    uses.countName(() => this.#what());
    return new NameSink((key) => into.push(key));
  }

  #attribute(length: number): Message {
    const { constantBytes } = this.#scope.ledger.limits;
    if (length > constantBytes) {
      throw new TensorFormatError(
        "constant_too_large",
        `${this.#what()} has an attribute of ${length} bytes, the limit is ${constantBytes}. Keep weights as initializers, where they are measured: torch.onnx.export(..., export_params=True).`,
      );
    }
    return new AttributeMessage(
      this.#scope,
      () => this.#what(),
      (name, product) => {
        // Only these are asked for: a node may have any number of attributes.
        if (name === "shape" || name === "value" || name === "value_ints") this.#products.set(name, product);
      },
    );
  }

  #text(length: number, what: string, done: (text: string) => void): ByteSink {
    return textSink(length, this.#scope.ledger.limits.nameBytes, what, done);
  }

  #what(): string {
    const name = this.#name === "" ? `${this.#number}` : quote(this.#name);
    return `Node ${name} (${quote(this.#operator)})`;
  }
}

import type { Workspace } from "./element-stream.ts";
import { quote, TensorFormatError } from "./errors.ts";
import { checkName, type Ledger } from "./ledger.ts";
import type { Graph, Role } from "./measurement.ts";
import { GraphMessage, tooManyValues } from "./onnx-graph.ts";
import { NodeMessage } from "./onnx-node.ts";
import { checkCalls, functionKey, OperatorCounts, tooManyNodes } from "./onnx-operators.ts";
import type { Scope } from "./onnx-scope.ts";
import { OnnxUses } from "./onnx-uses.ts";
import { signed64, textSink } from "./protobuf-sinks.ts";
import { type ByteSink, Message } from "./protobuf-stream.ts";

/** Fields of ModelProto that are passed over: producer, domain, documentation, metadata, training, configuration. */
const IGNORED = new Set([2, 3, 4, 5, 6, 14, 20, 26]);

/** ModelProto, the root. */
export class ModelMessage extends Message {
  readonly #ledger: Ledger;
  readonly #workspace: Workspace;
  readonly #functions = new Map<string, OperatorCounts>();
  readonly #opset = new Map<string, number>();
  readonly #uses: OnnxUses;
  #irVersion = 0;
  #graph: GraphMessage | undefined;
  #nodes = 0;

  constructor(ledger: Ledger, workspace: Workspace) {
    super();
    this.#ledger = ledger;
    this.#workspace = workspace;
    this.#uses = new OnnxUses(ledger);
  }

  /** False until the graph has begun: until then the file may be anything. */
  get recognized(): boolean {
    return this.#graph !== undefined;
  }

  override varint(field: number, low: number, high: number): void {
    if (field === 1) this.#irVersion = signed64(low, high);
    else this.#refuseUnknown(field);
  }

  override fixed(field: number): void {
    this.#refuseUnknown(field);
  }

  override delimited(field: number): Message | null {
    switch (field) {
      case 7:
        if (this.#graph !== undefined) {
          throw new TensorFormatError(
            "duplicate_field",
            "The model has more than one graph, and readers differ on which counts. Send one model a file.",
          );
        }
        this.#graph = new GraphMessage(this.#scope(this.#uses));
        return this.#graph;
      case 8:
        return new OperatorSetMessage(this.#ledger, (domain, version) => this.#addOperatorSet(domain, version));
      case 25:
        return new FunctionMessage(this.#scope(undefined), (key, name, counts) => this.#addFunction(key, name, counts));
      default:
        this.#refuseUnknown(field);
        return null;
    }
  }

  override end(): void {
    const missing = this.#graph === undefined ? "graph" : this.#opset.size === 0 ? "opset_import" : undefined;
    if (missing !== undefined || this.#irVersion <= 0) {
      throw new TensorFormatError(
        "incomplete_model",
        `The model has no ${missing ?? "ir_version"}: it is cut short or was never finished. Export it again and send it whole.`,
      );
    }
    const { limits } = this.#ledger;
    if (this.#irVersion > limits.irVersion) throw tooNew("IR", this.#irVersion, limits.irVersion);
    if (this.#graph !== undefined) checkCalls(this.#graph.operators, this.#functions, limits);
    this.#uses.checkExtents();
  }

  /** The role of a floating initializer. Only after the end of the model. */
  roleOf(name: string): Role {
    return this.#uses.roleOf(name);
  }

  /** What the service keeps of the graph. Only after the end of the model. */
  describe(): Graph | null {
    const graph = this.#graph;
    if (graph === undefined) return null;
    const operators = new Map<string, number>();
    for (const { domain, operator, count } of graph.operators.calls.values()) {
      const name = domain === "" || domain === "ai.onnx" ? operator : `${domain}::${operator}`;
      operators.set(name, (operators.get(name) ?? 0) + count);
    }
    return {
      inputs: graph.inputs.filter(({ name }) => !this.#ledger.names.has(name)),
      outputs: graph.outputs,
      nodes: graph.operators.nodes,
      // Maps until here, and own properties now: names may be "__proto__".
      opset: Object.fromEntries(this.#opset),
      irVersion: this.#irVersion,
      operators: Object.fromEntries(operators),
    };
  }

  #scope(uses: OnnxUses | undefined): Scope {
    return {
      ledger: this.#ledger,
      workspace: this.#workspace,
      operators: new OperatorCounts(this.#ledger),
      uses,
      depth: 0,
      countNode: () => this.#countNode(),
      openGraph: (scope) => new GraphMessage(scope),
    };
  }

  #countNode(): number {
    if (++this.#nodes > this.#ledger.limits.nodes) throw tooManyNodes(this.#ledger.limits);
    return this.#nodes;
  }

  #addOperatorSet(domain: string, version: number): void {
    const { opset } = this.#ledger.limits;
    if ((domain === "" || domain === "ai.onnx") && version > opset) throw tooNew("opset", version, opset);
    this.#opset.set(domain, version);
    if (this.#opset.size > this.#ledger.limits.values) throw tooManyValues("operator sets", this.#ledger);
  }

  #addFunction(key: string, name: string, counts: OperatorCounts): void {
    const { functions } = this.#ledger.limits;
    if (this.#functions.has(key)) {
      throw new TensorFormatError("duplicate_name", `Two local functions are named ${quote(name)}.`);
    }
    this.#functions.set(key, counts);
    if (this.#functions.size > functions) {
      throw new TensorFormatError(
        "too_many_functions",
        `The model has more than ${functions} local functions. Export it with its functions inlined.`,
      );
    }
  }

  /** Strict at the root alone: protobuf has no end mark, so appended bytes show only as fields that do not exist. */
  #refuseUnknown(field: number): void {
    if (IGNORED.has(field)) return;
    throw new TensorFormatError(
      "trailing_bytes",
      `The model has a field ${field}, which no ONNX model has: something was appended to the file or it is damaged. Export it again.`,
    );
  }
}

function tooNew(what: "IR" | "opset", version: number, limit: number): TensorFormatError {
  return new TensorFormatError(
    "unsupported_version",
    `The model is of ${what} version ${version}, the runtime knows versions up to ${limit}. Export it with torch.onnx.export(..., opset_version=20).`,
  );
}

/** OperatorSetIdProto. */
class OperatorSetMessage extends Message {
  readonly #ledger: Ledger;
  readonly #done: (domain: string, version: number) => void;
  #domain = "";
  #version = 0;

  constructor(ledger: Ledger, done: (domain: string, version: number) => void) {
    super();
    this.#ledger = ledger;
    this.#done = done;
  }

  override varint(field: number, low: number, high: number): void {
    if (field === 2) this.#version = signed64(low, high);
  }

  override delimited(field: number, length: number): ByteSink | null {
    if (field !== 1) return null;
    return textSink(length, this.#ledger.limits.nameBytes, "The domain of an operator set", (domain) => {
      this.#domain = checkName(domain, "Domain", this.#ledger.limits);
    });
  }

  override end(): void {
    this.#ledger.keep(this.#domain.length * 2);
    this.#done(this.#domain, this.#version);
  }
}

/** FunctionProto: its nodes count as the graph's do. */
class FunctionMessage extends Message {
  readonly #scope: Scope;
  readonly #done: (key: string, name: string, counts: OperatorCounts) => void;
  #name = "";
  #domain = "";
  #overload = "";

  constructor(scope: Scope, done: (key: string, name: string, counts: OperatorCounts) => void) {
    super();
    this.#scope = scope;
    this.#done = done;
  }

  override delimited(field: number, length: number): Message | ByteSink | null {
    const { limits } = this.#scope.ledger;
    const text = (done: (text: string) => void) => textSink(length, limits.nameBytes, "The name of a function", done);
    switch (field) {
      case 1:
        return text((name) => {
          this.#name = name;
        });
      case 7:
        return new NodeMessage(this.#scope);
      case 10:
        return text((domain) => {
          this.#domain = domain;
        });
      case 13:
        return text((overload) => {
          this.#overload = overload;
        });
      default:
        return null;
    }
  }

  override end(): void {
    const key = functionKey(this.#domain, this.#name, this.#overload);
    this.#scope.ledger.keep(key.length * 2);
    this.#done(key, this.#name, this.#scope.operators);
  }
}

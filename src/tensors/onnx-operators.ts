import { quote, TensorFormatError } from "./errors.ts";
import { checkName, type Ledger } from "./ledger.ts";
import type { MeterLimits } from "./limits.ts";

/** Domains whose operators ONNX Runtime has in its web build. "ai.onnx" is the long name of "". */
const STANDARD_DOMAINS = new Set(["", "ai.onnx", "ai.onnx.ml"]);

/**
 * Operators that run a subgraph: how long they take is not bounded by the size of the file. SequenceMap is a function
 * that expands to a Loop.
 */
const CONTROL_FLOW = new Set(["If", "Loop", "Scan", "SequenceMap"]);

/** Throws `control_flow`. */
export function refuseControlFlow(what: string): never {
  throw new TensorFormatError(
    "control_flow",
    `${what} runs a subgraph (If, Loop, Scan), and checkpoints may not branch or loop: it could run without end. Export the model with its control flow traced or unrolled, for instance by torch.onnx.export(..., dynamo=False) of a model in eval mode.`,
  );
}

/** Which operators a graph or a local function calls, and how often. */
export class OperatorCounts {
  nodes = 0;
  readonly calls = new Map<string, { readonly domain: string; readonly operator: string; count: number }>();
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  add(operator: string, domain: string, overload: string, what: string): void {
    const standard = STANDARD_DOMAINS.has(domain);
    if (standard && CONTROL_FLOW.has(operator)) refuseControlFlow(what);
    this.nodes++;
    const key = functionKey(domain, operator, overload);
    const call = this.calls.get(key);
    if (call !== undefined) {
      call.count++;
      return;
    }
    const { limits } = this.#ledger;
    this.#ledger.keep(key.length * 4);
    checkName(operator, "Operator", limits);
    checkName(domain, "Domain", limits);
    if (this.calls.size >= limits.operators) {
      throw new TensorFormatError(
        "too_many_operators",
        `The graph uses more than ${limits.operators} different operators. ONNX itself has about 200.`,
      );
    }
    this.calls.set(key, { domain, operator, count: 1 });
  }
}

/** What a call and the function it calls have in common. "ai.onnx" and "" are the same domain. */
export function functionKey(domain: string, name: string, overload: string): string {
  return JSON.stringify([domain === "ai.onnx" ? "" : domain, name, overload]);
}

/** A graph or function with all it calls written out. */
interface Expansion {
  readonly nodes: number;
  /** Calls from function to function, on the longest way down. */
  readonly depth: number;
}

/**
 * Checks every call of the main graph and the local functions: it is to a standard operator or to a local function,
 * functions do not call themselves, and the graph with all functions expanded, as ONNX Runtime expands them, stays
 * within the limits: 20 functions of which each calls the next one twice make a million nodes.
 */
export function checkCalls(
  graph: OperatorCounts,
  functions: ReadonlyMap<string, OperatorCounts>,
  limits: MeterLimits,
): void {
  const done = new Map<OperatorCounts, Expansion>();
  const open = new Set<OperatorCounts>();

  const expand = (caller: OperatorCounts): Expansion => {
    const known = done.get(caller);
    if (known !== undefined) return known;
    if (open.has(caller)) {
      throw new TensorFormatError(
        "function_recursion",
        "A local function of the model calls itself, so it never ends. Export the model with its functions inlined.",
      );
    }
    open.add(caller);
    let nodes = 0;
    let depth = 0;
    for (const [key, { domain, operator, count }] of caller.calls) {
      const called = functions.get(key);
      if (called !== undefined) {
        const expansion = expand(called);
        // An empty function still takes the time of its expansion.
        nodes += count * Math.max(1, expansion.nodes);
        depth = Math.max(depth, 1 + expansion.depth);
      } else if (STANDARD_DOMAINS.has(domain)) nodes += count;
      else throw customOperator(domain, operator);
      if (nodes > limits.nodes) throw tooManyNodes(limits, "with its local functions expanded ");
    }
    if (depth > limits.functionDepth) {
      throw new TensorFormatError(
        "functions_too_deep",
        `The model's local functions call each other ${depth} deep, the limit is ${limits.functionDepth}. Export the model with its functions inlined (onnx.inliner.inline_local_functions).`,
      );
    }
    open.delete(caller);
    const expansion = { nodes, depth };
    done.set(caller, expansion);
    return expansion;
  };

  expand(graph);
  // Functions nobody calls are still loaded.
  for (const unused of functions.values()) expand(unused);
}

function customOperator(domain: string, operator: string): TensorFormatError {
  return new TensorFormatError(
    "custom_operator",
    `The model uses the operator ${quote(`${domain}::${operator}`)}, which is neither ONNX's nor a function in the file, so it cannot be run here. Export the model with standard operators only.`,
  );
}

export function tooManyNodes(limits: MeterLimits, how = ""): TensorFormatError {
  return new TensorFormatError(
    "too_many_nodes",
    `The graph ${how}has more than ${limits.nodes} nodes. Simplify it before exporting (for instance with onnxsim).`,
  );
}

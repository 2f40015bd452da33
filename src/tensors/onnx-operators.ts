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

/** Whether the operators of a domain are ONNX's own. */
export const isStandard = (domain: string): boolean => STANDARD_DOMAINS.has(domain);

/** Throws `control_flow`. */
export function refuseControlFlow(what: string): never {
  throw new TensorFormatError(
    "control_flow",
    `${what} runs a subgraph (If, Loop, Scan), and checkpoints may not branch or loop: it could run without end. Export the model with its control flow traced or unrolled, for instance by torch.onnx.export(..., dynamo=False) of a model in eval mode; or let an admin allow it: policy.controlFlowDepth.`,
  );
}

/** One operator as a graph or function calls it. `first` names the first node that does. */
interface Call {
  readonly domain: string;
  readonly operator: string;
  readonly first: string;
  count: number;
}

/** Which operators a graph or a local function calls, and how often. */
export class OperatorCounts {
  nodes = 0;
  readonly calls = new Map<string, Call>();
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  add(operator: string, domain: string, overload: string, what: string): void {
    const { limits } = this.#ledger;
    if (limits.controlFlowDepth === 0 && isStandard(domain) && CONTROL_FLOW.has(operator)) refuseControlFlow(what);
    this.nodes++;
    const key = functionKey(domain, operator, overload);
    const call = this.calls.get(key);
    if (call !== undefined) {
      call.count++;
      return;
    }
    this.#ledger.keep(key.length * 4 + what.length * 2);
    checkName(operator, "Operator", limits);
    checkName(domain, "Domain", limits);
    if (this.calls.size >= limits.operators) {
      throw new TensorFormatError(
        "too_many_operators",
        `${what} is one operator too many: the graph uses more than ${limits.operators} different operators. ONNX itself has about 200.`,
      );
    }
    this.calls.set(key, { domain, operator, first: what, count: 1 });
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

  const expand = (caller: OperatorCounts, what: string): Expansion => {
    const known = done.get(caller);
    if (known !== undefined) return known;
    if (open.has(caller)) {
      throw new TensorFormatError(
        "function_recursion",
        `${what} calls a local function that calls itself, so it never ends. Export the model with its functions inlined.`,
      );
    }
    open.add(caller);
    let nodes = 0;
    let depth = 0;
    for (const [key, { domain, operator, first, count }] of caller.calls) {
      const called = functions.get(key);
      if (called !== undefined) {
        const expansion = expand(called, first);
        // An empty function still takes the time of its expansion.
        nodes += count * Math.max(1, expansion.nodes);
        depth = Math.max(depth, 1 + expansion.depth);
      } else if (isStandard(domain)) nodes += count;
      else throw customOperator(first, domain, operator);
      if (nodes > limits.nodes) throw tooManyNodes(limits, `with its local functions expanded, up to ${first}, `);
    }
    if (depth > limits.functionDepth) {
      throw new TensorFormatError(
        "functions_too_deep",
        `${what}: local functions call each other ${depth} deep from there, the limit is ${limits.functionDepth}. Export the model with its functions inlined (onnx.inliner.inline_local_functions).`,
      );
    }
    open.delete(caller);
    const expansion = { nodes, depth };
    done.set(caller, expansion);
    return expansion;
  };

  expand(graph, "The graph");
  // Functions nobody calls are still loaded.
  for (const [key, unused] of functions) expand(unused, `Function ${quote(key)}`);
}

function customOperator(what: string, domain: string, operator: string): TensorFormatError {
  return new TensorFormatError(
    "custom_operator",
    `${what} uses the operator ${quote(`${domain}::${operator}`)}, which is neither ONNX's nor a function in the file, so it cannot be run here. Export the model with standard operators only.`,
  );
}

export function tooManyNodes(limits: MeterLimits, how = ""): TensorFormatError {
  return new TensorFormatError(
    "too_many_nodes",
    `The graph ${how}has more than ${limits.nodes} nodes. Simplify it before exporting (for instance with onnxsim).`,
  );
}

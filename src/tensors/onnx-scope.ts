import type { Workspace } from "./element-stream.ts";
import { TensorFormatError } from "./errors.ts";
import type { Ledger } from "./ledger.ts";
import { type OperatorCounts, refuseControlFlow } from "./onnx-operators.ts";
import type { OnnxUses } from "./onnx-uses.ts";
import type { Message } from "./protobuf-stream.ts";

/** What the nodes of one graph or local function share. */
export interface Scope {
  readonly ledger: Ledger;
  readonly workspace: Workspace;
  readonly operators: OperatorCounts;
  /** Undefined inside of local functions, whose names are their own: what they do with their inputs is not known. */
  readonly uses: OnnxUses | undefined;
  /** Subgraphs around this graph. */
  readonly depth: number;
  /** Counts a node before it is read, and gives its number in the file, from 1. */
  readonly countNode: () => number;
  /** Who reads a subgraph. */
  readonly openGraph: (scope: Scope) => Message;
}

/** Who reads the subgraph of a node. Throws `control_flow` where subgraphs are not allowed, or not so deep. */
export function openSubgraph(scope: Scope, what: string): Message {
  const { controlFlowDepth } = scope.ledger.limits;
  if (controlFlowDepth === 0) refuseControlFlow(what);
  const depth = scope.depth + 1;
  if (depth > controlFlowDepth) {
    throw new TensorFormatError(
      "control_flow",
      `${what} is a subgraph within ${depth - 1} others, the limit is ${controlFlowDepth} deep. Export the model with its control flow traced or unrolled.`,
    );
  }
  return scope.openGraph({ ...scope, depth });
}

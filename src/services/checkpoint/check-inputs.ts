import type { SuiteInput } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { quote, quoteAll } from "../../tensors/errors.ts";
import type { Graph } from "../../tensors/meter.ts";

/**
 * Whether the suite can feed the model: same input names, types and shapes, a free batch axis, and the output there.
 * @throws DomainError `input_mismatch`, saying what the model has and what the suite gives
 */
export function checkInputs(graph: Graph, suite: { inputs: readonly SuiteInput[]; output: string }): void {
  for (const input of graph.inputs) {
    const given = suite.inputs.find(({ name }) => name === input.name);
    if (!given) {
      const names = quoteAll(suite.inputs.map(({ name }) => name));
      throw mismatch(
        `The model wants an input ${quote(input.name)}; the suite gives ${names}: export with those names.`,
      );
    }
    if (input.dtype !== given.dtype) {
      throw mismatch(`The model's input ${quote(input.name)} is ${input.dtype}; the suite gives ${given.dtype}.`);
    }
    const [batch, ...rest] = input.shape;
    if (typeof batch === "number") {
      throw mismatch(
        `The first axis of the model's input ${quote(input.name)} is fixed at ${batch}: export it as a dynamic axis.`,
      );
    }
    const fits =
      rest.length === given.shape.length && rest.every((d, n) => typeof d !== "number" || d === given.shape[n]);
    // A model may leave its shape unsaid.
    if (input.ranked && !fits) {
      throw mismatch(
        `The model's input ${quote(input.name)} has the shape ${describeAxes(rest)}; the suite gives ${describeAxes(given.shape)}.`,
      );
    }
  }
  for (const { name } of suite.inputs) {
    if (!graph.inputs.some((input) => input.name === name)) {
      throw mismatch(`The suite gives an input ${quote(name)} that the model does not have.`);
    }
  }
  if (!graph.outputs.some(({ name }) => name === suite.output)) {
    const names = quoteAll(graph.outputs.map(({ name }) => name));
    throw mismatch(`The suite reads the output ${quote(suite.output)}; the model has ${names}.`);
  }
}

const MOST_AXES = 8;

/** A shape behind its batch axis. A dimension's own name is the file's, and so is quoted. */
function describeAxes(axes: readonly (number | string | null)[]): string {
  const shown = axes.slice(0, MOST_AXES).map((axis) => (typeof axis === "string" ? quote(axis) : `${axis ?? "?"}`));
  return `[${["n", ...shown, ...(axes.length > MOST_AXES ? ["…"] : [])].join(", ")}]`;
}

function mismatch(detail: string): DomainError {
  return new DomainError("input_mismatch", detail);
}

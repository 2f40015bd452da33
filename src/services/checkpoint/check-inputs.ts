import type { SuiteInput } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import type { Graph } from "../../tensors/meter.ts";

/**
 * Whether the suite can feed the model: same input names, types and shapes, a free batch axis, and the output there.
 * @throws DomainError `input_mismatch`, saying what the model has and what the suite gives
 */
export function checkInputs(graph: Graph, suite: { inputs: readonly SuiteInput[]; output: string }): void {
  for (const input of graph.inputs) {
    const given = suite.inputs.find(({ name }) => name === input.name);
    if (!given) {
      const names = suite.inputs.map(({ name }) => `"${name}"`).join(", ");
      throw mismatch(`The model wants an input "${input.name}"; the suite gives ${names}: export with those names.`);
    }
    if (input.dtype !== given.dtype) {
      throw mismatch(`The model's input "${input.name}" is ${input.dtype}; the suite gives ${given.dtype}.`);
    }
    const [batch, ...rest] = input.shape;
    if (typeof batch === "number") {
      throw mismatch(
        `The first axis of the model's input "${input.name}" is fixed at ${batch}: export it as a dynamic axis.`,
      );
    }
    const fits =
      rest.length === given.shape.length && rest.every((d, n) => typeof d !== "number" || d === given.shape[n]);
    // A model may leave its shape unsaid.
    if (input.ranked && !fits) {
      throw mismatch(
        `The model's input "${input.name}" has the shape [n, ${rest.join(", ")}]; the suite gives [n, ${given.shape.join(", ")}].`,
      );
    }
  }
  for (const { name } of suite.inputs) {
    if (!graph.inputs.some((input) => input.name === name)) {
      throw mismatch(`The suite gives an input "${name}" that the model does not have.`);
    }
  }
  if (!graph.outputs.some(({ name }) => name === suite.output)) {
    const names = graph.outputs.map(({ name }) => `"${name}"`).join(", ");
    throw mismatch(`The suite reads the output "${suite.output}"; the model has ${names}.`);
  }
}

function mismatch(detail: string): DomainError {
  return new DomainError("input_mismatch", detail);
}

import { type SafeTensor, writeSafetensors } from "./safetensors.ts";
import { type Task, widthOf } from "./tasks/task.ts";

/** A task's splits as the service takes them: tensors `<split>/<model input>` and `<split>/target`. */
export function writeSuite(task: Task): Uint8Array<ArrayBuffer> {
  const tensors = new Map<string, SafeTensor>();
  for (const [name, { inputs, target }] of task.splits) {
    for (const [input, values] of Object.entries({ ...inputs, target })) {
      const kind = task.inputs.get(input);
      const shape = kind?.kind === "numbers" ? [target.length, widthOf(kind)] : [values.length];
      tensors.set(`${name}/${input}`, { shape, values: BigInt64Array.from(values, BigInt) });
    }
  }
  return writeSafetensors(tensors, { task: "classification", output: "logits" });
}

import { type SafeTensor, writeSafetensors } from "./safetensors.ts";
import type { Task } from "./tasks/task.ts";

/** A task's splits as the service takes them: tensors `<split>/<model input>` and `<split>/target`. */
export function writeSuite(task: Task): Uint8Array<ArrayBuffer> {
  const tensors = new Map<string, SafeTensor>();
  for (const [name, { inputs, target }] of task.splits) {
    for (const [input, values] of Object.entries({ ...inputs, target })) {
      tensors.set(`${name}/${input}`, { shape: [values.length], values: BigInt64Array.from(values, BigInt) });
    }
  }
  return writeSafetensors(tensors, { task: "classification", output: "logits" });
}

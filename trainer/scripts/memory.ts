// Does training leak? Tensors, and the resident memory of the process, over a long run of the quick task made small:
//   npm run -w trainer memory -- [--steps 100000]
// Exits with 1 where the number of tensors changed on the way.
import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs-core";
import { train } from "../src/train.ts";

const { values } = parseArgs({ options: { steps: { type: "string", default: "100000" } } });
const steps = Number(values.steps);
if (!Number.isSafeInteger(steps) || steps < 10) throw new Error("--steps must be a whole number from 10");

const small = { modulus: 11, cornerSide: 2, mirrorPairs: 9, embedding: 16, hidden: 32 };
const tensors = new Set<number>();
const every = Math.floor(steps / 10);
console.log("step  tensors  tensor bytes  RSS MiB");
await train(
  { ...small, steps, every },
  {
    onStep(step) {
      const { numTensors, numBytes } = tf.memory();
      tensors.add(numTensors);
      if (step % every !== 0) return;
      console.log(`${step}  ${numTensors}  ${numBytes}  ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)}`);
    },
  },
);
console.log(tensors.size === 1 ? "flat" : `not flat: ${[...tensors].sort((x, y) => x - y).join(", ")} tensors`);
process.exitCode = tensors.size === 1 ? 0 : 1;

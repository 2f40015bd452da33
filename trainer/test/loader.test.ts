// How the loader finds, starts and chooses among native backends. CUDA and libtensorflow cannot run here, so stand-ins
// take their places: packages of the same names that register under the same name and compute with the cpu kernels.
// What this shows is the loader's part alone; no line of the real packages was run.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

const require = createRequire(import.meta.url);
const [core, cpu] = ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-cpu"].map((name) =>
  JSON.stringify(require.resolve(name)),
);
const backend = JSON.stringify(join(import.meta.dirname, "../src/backends/backend.ts"));
const training = JSON.stringify(join(import.meta.dirname, "../src/train.ts"));

// Each test starts one or two processes, in which auto times the slow cpu backend too.
vi.setConfig({ testTimeout: 120_000 });

let packages: string;
beforeEach(async () => {
  packages = await mkdtemp(join(tmpdir(), "curie-point-loader-"));
});
afterEach(() => rm(packages, { recursive: true }));

async function install(name: string, source: string): Promise<void> {
  const file = join(packages, name, "index.js");
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, source);
}

/** Calls at once what tfjs-node 4.22 calls of node:util in its first operations. Node 23 took the first of them out. */
const standIn = (more = "") => `
  const tf = require(${core});
  const { MathBackendCPU } = require(${cpu});
  const util_1 = require("util");
  if (util_1.isNullOrUndefined(0) || !util_1.isNullOrUndefined(null)) throw new Error("?");
  if (util_1.isArray("") || !util_1.isArray([])) throw new Error("?");
  tf.registerBackend("tensorflow", () => new MathBackendCPU());
  tf.copyRegisteredKernels("cpu", "tensorflow");
  ${more}`;

/** Products and sums that nothing is computed for, as on a GPU: whatever else is here, this is the fastest. */
const fast = standIn(`
  const instead = (kernelName, shapeOf) => {
    tf.unregisterKernel(kernelName, "tensorflow");
    const kernelFunc = ({ inputs, backend }) => {
      const shape = shapeOf(inputs);
      return backend.makeTensorInfo(shape, "float32", new Float32Array(shape.reduce((all, one) => all * one, 1)));
    };
    tf.registerKernel({ kernelName, backendName: "tensorflow", kernelFunc });
  };
  instead("BatchMatMul", ({ a, b }) => [a.shape[0], b.shape[1]]);
  instead("Sum", () => []);`);

/** In a process of its own, where the stand-ins are installed; a backend that was started stays. */
async function run(source: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", source], {
    env: { ...process.env, NODE_PATH: packages },
  });
  return JSON.parse(stdout.split("\n").findLast((line) => line.startsWith("{")) ?? "null");
}

const auto = () =>
  run(`
    import { useBackend } from ${backend};
    import tf from ${core};
    const notes = [];
    const name = await useBackend("auto", (note) => notes.push(note));
    console.log(JSON.stringify({ name, registered: tf.getBackend(), notes }));`);

test("auto asks in the documented order, and takes a native one that is the fastest", async () => {
  await install("@tensorflow/tfjs-node-gpu", fast);
  await install("@tensorflow/tfjs-node", standIn());
  const { name, registered, notes } = (await auto()) as { name: string; registered: string; notes: string[] };
  expect([name, registered]).toEqual(["node-gpu", "tensorflow"]);
  expect(notes).toHaveLength(1);
  // One process holds one of the two: they register under one name.
  expect(notes[0]).toMatch(
    /^backend node-gpu, the fastest of: node-gpu [\d.]+ ms; node: another of its kind is there; webgpu[: ].*; wasm [\d.]+ ms; cpu [\d.]+ ms$/,
  );
});

test("auto leaves a native one that is slower than what comes with the trainer", async () => {
  await install("@tensorflow/tfjs-node", standIn());
  const { name, notes } = (await auto()) as { name: string; notes: string[] };
  expect(name).toBe("wasm");
  expect(notes[0]).toMatch(
    /^backend wasm, the fastest of: node-gpu: @tensorflow\/tfjs-node-gpu is not installed; node [\d.]+ ms; /,
  );
});

test("one that is installed and does not start is passed over with its reason, and refused by name", async () => {
  const broken = 'throw new Error("libcudart.so.11.0: cannot open shared object file\\nand more");';
  await install("@tensorflow/tfjs-node-gpu", broken);
  const { name, notes } = (await auto()) as { name: string; notes: string[] };
  expect(name).toBe("wasm");
  expect(notes[0]).toContain("node-gpu: does not start: libcudart.so.11.0: cannot open shared object file; node: ");
  const refused = await run(`
    import { useBackend } from ${backend};
    console.log(JSON.stringify(await useBackend("node-gpu").then(() => ({}), ({ message }) => ({ message }))));`);
  expect(refused).toEqual({
    message:
      "the backend node-gpu cannot be used: does not start: libcudart.so.11.0: cannot open shared object file; " +
      "--backend auto takes one that starts",
  });
});

test.each(["node-gpu", "node"])("%s gets the functions that new Nodes lack, and trains", async (name) => {
  await install(`@tensorflow/tfjs-${name}`, standIn());
  const told = await run(`
    import util from "node:util";
    import tf from ${core};
    // The Node that runs this may have it still; a later one has not.
    delete util.isArray;
    const before = [typeof util.isNullOrUndefined, typeof util.isArray];
    const { train } = await import(${training});
    const small = { modulus: 7, cornerSide: 2, mirrorPairs: 4, embedding: 8, hidden: 12, steps: 120, every: 120 };
    const { splits } = await train({ ...small, backend: "${name}" });
    const { correct, total } = splits.get("train");
    console.log(JSON.stringify({ before, on: tf.getBackend(), share: correct / total }));`);
  expect(told).toEqual({ before: ["undefined", "undefined"], on: "tensorflow", share: 1 });
});

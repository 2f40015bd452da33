import * as tf from "@tensorflow/tfjs-core";

/** Each entry loads its kernels only when asked for: the wasm one alone is a megabyte. */
const backends = {
  wasm: () => import("@tensorflow/tfjs-backend-wasm"),
  cpu: () => import("@tensorflow/tfjs-backend-cpu"),
};

export type BackendName = keyof typeof backends;
export const backendNames = Object.keys(backends) as BackendName[];

/** Makes `name` the backend on which every tensor from here on lives. */
export async function useBackend(name: BackendName): Promise<void> {
  await backends[name]();
  if (!(await tf.setBackend(name))) throw new Error(`the TensorFlow.js backend ${name} did not start`);
}

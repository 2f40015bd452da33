import { loadRuntime } from "../../src/evaluation/runtime.ts";

let model = new Uint8Array();
let rows = new Float32Array();

/** PUT /model and /rows keep bytes; POST /infer makes a session of the model and runs it over all rows, and no more. */
export async function infer(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/model") model = new Uint8Array(await request.arrayBuffer());
  else if (pathname === "/rows") rows = new Float32Array(await request.arrayBuffer());
  else await run(Number(searchParams.get("width")), Number(searchParams.get("batch")));
  return new Response(null, { status: 204 });
}

async function run(width: number, batch: number): Promise<void> {
  const { ort } = await loadRuntime();
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  for (let at = 0; at < rows.length; at += batch * width) {
    const values = rows.subarray(at, at + batch * width);
    await session.run({ x: new ort.Tensor("float32", values, [values.length / width, width]) });
  }
  await session.release();
}

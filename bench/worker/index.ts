import { type ForwardEnv, forward } from "./forward.ts";
import { infer } from "./infer.ts";
import { takePass } from "./passes.ts";
import { readBack } from "./read-back.ts";

const INFERENCE = ["/model", "/rows", "/infer"];

/**
 * PUT /files/… forwards; PUT /held keeps a file in memory, and POST /hash and /measure pass over it; POST /stored/… reads
 * an object of the store; POST /infer is the bare loop of ONNX Runtime.
 */
export default {
  async fetch(request, env, execution) {
    const { pathname } = new URL(request.url);
    if (INFERENCE.includes(pathname)) return await infer(request);
    if (pathname.startsWith("/files/")) return await forward(request, env, execution);
    return pathname.startsWith("/stored/") ? await readBack(pathname, env) : await takePass(request, pathname);
  },
} satisfies ExportedHandler<ForwardEnv>;

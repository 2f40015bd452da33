import { type ForwardEnv, forward } from "./forward.ts";
import { takePass } from "./passes.ts";
import { readBack } from "./read-back.ts";

/**
 * PUT /files/… forwards; PUT /held keeps a file in memory, and POST /hash and /measure pass over it; POST /stored/… reads
 * an object of the store.
 */
export default {
  async fetch(request, env, execution) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/files/")) return await forward(request, env, execution);
    return pathname.startsWith("/stored/") ? await readBack(pathname, env) : await takePass(request, pathname);
  },
} satisfies ExportedHandler<ForwardEnv>;

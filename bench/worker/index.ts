import { type ForwardEnv, forward } from "./forward.ts";
import { takePass } from "./passes.ts";

/** PUT /files/… forwards; PUT /held keeps a file in memory, and POST /hash and /measure pass over it. */
export default {
  async fetch(request, env, execution) {
    const { pathname } = new URL(request.url);
    return pathname.startsWith("/files/") ? await forward(request, env, execution) : await takePass(request, pathname);
  },
} satisfies ExportedHandler<ForwardEnv>;

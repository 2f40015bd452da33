import { createApp } from "./app.ts";
import type { DeliveryHint } from "./context.ts";
import { type Env, parseEnv } from "./env.ts";
import { consumeDeliveries } from "./jobs/deliveries.ts";
import { runSweep } from "./jobs/sweep.ts";
import type { App } from "./routes/app-type.ts";

/** Bindings are the same for every request of an isolate, and so is the app over them. */
let app: App | undefined;

export default {
  fetch(request, env, execution) {
    app ??= createApp(parseEnv(env));
    return app.fetch(request, env, execution);
  },
  async queue(batch, env) {
    await consumeDeliveries(parseEnv(env), batch);
  },
  async scheduled(_event, env) {
    await runSweep(parseEnv(env));
  },
} satisfies ExportedHandler<Env, DeliveryHint>;

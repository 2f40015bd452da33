import { createApp } from "./app.ts";
import type { DeliveryHint } from "./context.ts";
import { type Config, type Env, parseEnv } from "./env.ts";
import { consumeBatch } from "./jobs/dispatch.ts";
import { runSweep } from "./jobs/sweep.ts";
import type { App } from "./routes/app-type.ts";

/** Bindings are the same for every request of an isolate, and so is what is made of them. */
let config: Config | undefined;
let app: App | undefined;

export default {
  fetch(request, env, execution) {
    config ??= parseEnv(env);
    app ??= createApp(config);
    return app.fetch(request, env, execution);
  },
  async queue(batch, env) {
    config ??= parseEnv(env);
    await consumeBatch(config, batch);
  },
  async scheduled(_event, env) {
    config ??= parseEnv(env);
    await runSweep(config);
  },
} satisfies ExportedHandler<Env, DeliveryHint>;

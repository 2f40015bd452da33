import type { EvaluationHint } from "./context.ts";
import { type Config, type Env, parseEnv } from "./env.ts";
import { createEngine, type Engine } from "./evaluation/engine.ts";
import { consumeEvaluations } from "./jobs/evaluations.ts";

/** One of each per isolate: the engine holds the loaded runtime and the last session. */
let config: Config | undefined;
let engine: Engine | undefined;

export default {
  async queue(batch, env) {
    config ??= parseEnv(env);
    engine ??= createEngine();
    await consumeEvaluations(config, engine, batch);
  },
} satisfies ExportedHandler<Env, EvaluationHint>;

import type { EvaluationHint } from "./context.ts";
import { type Env, parseEnv } from "./env.ts";
import { createEngine, type Engine } from "./evaluation/engine.ts";
import { consumeEvaluations } from "./jobs/evaluations.ts";

/** One per isolate: it holds the loaded runtime and the last session. */
let engine: Engine | undefined;

export default {
  async queue(batch, env) {
    engine ??= createEngine();
    await consumeEvaluations(parseEnv(env), engine, batch);
  },
} satisfies ExportedHandler<Env, EvaluationHint>;

// Preloaded: the verbs name ONNX Runtime's module, which Node cannot load as workerd does and nothing here runs.
import { registerHooks } from "node:module";

registerHooks({
  resolve: (specifier, context, next) =>
    specifier.endsWith(".wasm")
      ? { url: "data:text/javascript,export default null", shortCircuit: true }
      : next(specifier, context),
});

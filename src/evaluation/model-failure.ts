/** The checkpoint's own fault: trying again gives the same answer. */
export class ModelFailure extends Error {
  override readonly name = "ModelFailure";
  readonly code: "model_refused" | "model_failed" | "output_mismatch" | "model_too_large";
  constructor(code: ModelFailure["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

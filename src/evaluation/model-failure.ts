import { visible } from "../tensors/errors.ts";

/** Beyond this a message is names out of the file. */
const MOST_CHARACTERS = 500;

/** The checkpoint's own fault: trying again gives the same answer. Its message may hold names out of a hostile file. */
export class ModelFailure extends Error {
  override readonly name = "ModelFailure";
  readonly code: "model_refused" | "model_failed" | "output_mismatch" | "model_too_large";
  constructor(code: ModelFailure["code"], message: string, options?: ErrorOptions) {
    super(visible(message.length > MOST_CHARACTERS ? `${message.slice(0, MOST_CHARACTERS)}…` : message), options);
    this.code = code;
  }
}

import * as tf from "@tensorflow/tfjs-core";

/** All that training goes on from: weights, and what the optimizer and the gradient filter remember. */
export interface TrainingState {
  /** Updates behind it. */
  readonly step: number;
  readonly values: ReadonlyMap<string, Float32Array>;
}

type Variables = ReadonlyMap<string, tf.Variable>;

export async function readState(variables: Variables, step: number): Promise<TrainingState> {
  const values = new Map<string, Float32Array>();
  for (const [name, variable] of variables) values.set(name, (await variable.data<"float32">()).slice());
  return { step, values };
}

/** Throws where the state is of another network or optimizer. */
export function restoreState(variables: Variables, { values }: TrainingState): void {
  const unknown = [...values.keys()].find((name) => !variables.has(name));
  if (unknown !== undefined) throw new Error(`the state has ${unknown}, which these settings do not have`);
  for (const [name, variable] of variables) {
    const saved = values.get(name);
    if (saved?.length !== variable.size) throw new Error(`the state has no ${name} of ${variable.size} numbers`);
    tf.tidy(() => variable.assign(tf.tensor(saved, variable.shape)));
  }
}

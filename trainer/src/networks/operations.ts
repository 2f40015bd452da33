// Operations with gradients of our own, written for the wasm backend, whose matMul is fast under two conditions:
// - Neither operand is transposed by flag, as TensorFlow.js's own gradient does: that falls off XNNPACK onto a
//   naive loop, ten times slower. So transpose first, multiply after.
// - The right operand is small or constant: XNNPACK repacks it element by element, once per tensor.
import * as tf from "@tensorflow/tfjs-core";

/** x [N, K] times w [K, M], plus b [M] on every row. */
export function affine(x: tf.Tensor2D, w: tf.Tensor2D, b: tf.Tensor1D): tf.Tensor2D {
  return differentiable(
    [x, w, b],
    () => ({ value: tf.add<tf.Tensor2D>(tf.matMul(x, w), b), kept: [x, w] }),
    (dy, [x, w]) => {
      const dyColumns = tf.transpose(dy);
      const [inputs, outputs] = w.shape;
      const dw = inputs < outputs ? tf.transpose(tf.matMul(dyColumns, x)) : tf.matMul(tf.transpose(x), dy);
      return [tf.matMul(dy, tf.transpose(w)), dw, tf.sum(dyColumns, 1)];
    },
  );
}

/**
 * Picks rows of `table` by one-hot rows [N, depth], or sums them by any others: the wasm backend has no gradient for
 * gather. The rows themselves get no gradient.
 */
export function embed(rows: tf.Tensor2D, table: tf.Tensor2D): tf.Tensor2D {
  return differentiable(
    [table],
    () => ({ value: tf.matMul(rows, table), kept: [] }),
    (dy) => [tf.transpose(tf.matMul(tf.transpose(dy), rows))],
  );
}

export function add(x: tf.Tensor2D, y: tf.Tensor2D): tf.Tensor2D {
  return differentiable(
    [x, y],
    () => ({ value: tf.add<tf.Tensor2D>(x, y), kept: [] }),
    (dy) => [tf.clone(dy), tf.clone(dy)],
  );
}

/** Adds row [1, M] to every row of x [N, M]. */
export function addRow(x: tf.Tensor2D, row: tf.Tensor2D): tf.Tensor2D {
  return differentiable(
    [x, row],
    () => ({ value: tf.add<tf.Tensor2D>(x, row), kept: [] }),
    (dy) => [tf.clone(dy), tf.sum(dy, 0, true)],
  );
}

export function relu(x: tf.Tensor2D): tf.Tensor2D {
  return differentiable(
    [x],
    () => ({ value: tf.relu(x), kept: [x] }),
    (dy, [x]) => [tf.mul(dy, tf.step(x))],
  );
}

/** x [N, K] times w [K, M]. */
export function linear(x: tf.Tensor2D, w: tf.Tensor2D): tf.Tensor2D {
  return differentiable(
    [x, w],
    () => ({ value: tf.matMul(x, w), kept: [x, w] }),
    (dy, [x, w]) => {
      const [inputs, outputs] = w.shape;
      const dw = inputs < outputs ? tf.transpose(tf.matMul(tf.transpose(dy), x)) : tf.matMul(tf.transpose(x), dy);
      return [tf.matMul(dy, tf.transpose(w)), dw];
    },
  );
}

export function square(x: tf.Tensor2D): tf.Tensor2D {
  return differentiable(
    [x],
    () => ({ value: tf.square(x), kept: [x] }),
    (dy, [x]) => [tf.mul(tf.mul(dy, x), 2)],
  );
}

export function oneHot(indices: Int32Array, depth: number): tf.Tensor2D {
  const values = new Float32Array(indices.length * depth);
  indices.forEach((index, row) => {
    values[row * depth + index] = 1;
  });
  return tf.tensor2d(values, [indices.length, depth]);
}

/**
 * The one place for the casts that customGrad's loose types ask for. What the gradient needs goes through `kept`:
 * anything else made in `forward` is gone when the gradient runs. customGrad gives them back in the same order.
 */
export function differentiable<Value extends tf.Tensor, const Kept extends readonly tf.Tensor[]>(
  inputs: readonly tf.Tensor[],
  forward: () => { value: Value; kept: Kept },
  backward: (dy: Value, kept: Kept) => tf.Tensor[],
): Value {
  const operation = tf.customGrad((...inputsAndSave) => {
    const save = inputsAndSave.at(-1) as tf.GradSaveFunc;
    const { value, kept } = forward();
    save([...kept]);
    return { value, gradFunc: (dy, saved) => backward(dy as Value, saved as readonly tf.Tensor[] as Kept) };
  });
  return operation(...inputs) as Value;
}

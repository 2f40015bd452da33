// Operations with gradients of our own, written for the wasm backend, whose matMul is fast under two conditions:
// - Neither operand is transposed by flag, as TensorFlow.js's own gradient does: that falls off XNNPACK onto a
//   naive loop, ten times slower. So transpose first, multiply after.
// - The right operand is small or constant: XNNPACK repacks it element by element, once per tensor.
import * as tf from "@tensorflow/tfjs-core";

/** x [N, K] times w [K, M], plus b [M] on every row, and where asked for what of it is above 0. */
export function affine(
  x: tf.Tensor2D,
  w: tf.Tensor2D,
  bias: tf.Tensor1D,
  activation: "linear" | "relu" = "linear",
): tf.Tensor2D {
  return differentiable(
    [x, w, bias],
    () => {
      const value = fusedAffine(x, w, bias, activation);
      return { value, kept: activation === "relu" ? [x, w, value] : [x, w] };
    },
    (dy, [x, w, y]) => {
      const dz = y === undefined ? dy : tf.mul<tf.Tensor2D>(dy, tf.step(y));
      const dzColumns = tf.transpose(dz);
      return [tf.matMul(dz, tf.transpose(w)), weightGradient(x, dz, dzColumns), tf.sum(dzColumns, 1)];
    },
  );
}

/** Product, bias and activation in one pass: tf.fused.matMul takes them apart wherever a gradient is asked for. */
function fusedAffine(x: tf.Tensor2D, w: tf.Tensor2D, bias: tf.Tensor1D, activation: string): tf.Tensor2D {
  const [rows, columns] = [x.shape[0], w.shape[1]];
  const inputs = { a: tf.expandDims(x, 0), b: tf.expandDims(w, 0), bias };
  const attributes = { transposeA: false, transposeB: false, activation };
  // The kernel takes batches of matrices and has one output.
  return tf.reshape(tf.engine().runKernel(tf._FusedMatMul, inputs, attributes) as tf.Tensor, [rows, columns]);
}

/** x' dz, with the smaller of both on the right. */
function weightGradient(x: tf.Tensor2D, dz: tf.Tensor2D, dzColumns?: tf.Tensor2D): tf.Tensor2D {
  if (x.shape[1] >= dz.shape[1]) return tf.matMul(tf.transpose(x), dz);
  return tf.transpose(tf.matMul(dzColumns ?? tf.transpose(dz), x));
}

/** Sums over the rows [1, M]: the wasm backend sums along rows several times faster than across them. */
export const columnSums = (x: tf.Tensor2D): tf.Tensor2D => tf.reshape(tf.sum(tf.transpose(x), 1), [1, -1]);

/**
 * The sum over inputs of the rows of each one's table that its one-hot rows [N, depth] pick, or any others weigh
 * [N, M]. A product even where rows are picked: on the wasm backend gather takes ten times as long, and has no
 * gradient. The inputs themselves get none.
 */
export function embed(inputs: readonly tf.Tensor2D[], tables: readonly tf.Tensor2D[]): tf.Tensor2D {
  return differentiable(
    tables,
    () => {
      const embedded = inputs.map((rows, i): tf.Tensor2D => tf.matMul(rows, tables[i] as tf.Tensor2D));
      return { value: embedded.reduce((sum, next) => tf.add(sum, next)), kept: [] };
    },
    (dy) => {
      const dyColumns = tf.transpose(dy);
      return inputs.map((rows) => tf.transpose(tf.matMul(dyColumns, rows)));
    },
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
    (dy) => [tf.clone(dy), columnSums(dy)],
  );
}

/** x [N, K] times w [K, M]. */
export function linear(x: tf.Tensor2D, w: tf.Tensor2D): tf.Tensor2D {
  return differentiable(
    [x, w],
    () => ({ value: tf.matMul(x, w), kept: [x, w] }),
    (dy, [x, w]) => [tf.matMul(dy, tf.transpose(w)), weightGradient(x, dy)],
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

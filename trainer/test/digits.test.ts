import { expect, test } from "vitest";
import { defaults } from "../src/settings.ts";
import { halved, type Image, moved } from "../src/tasks/digit-images.ts";
import { columnOf, type SplitName, splitOf } from "../src/tasks/task.ts";
import { createTask } from "../src/tasks/tasks.ts";

const task = createTask({ ...defaults, task: "digits", digitExamples: 400 });
const names: SplitName[] = ["train", "validation", "ood:turned", "ood:shifted", "ood:small", "ood:noisy"];

/** Each image as its 196 numbers. */
function imagesOf(name: SplitName): number[][] {
  const split = splitOf(task, name);
  const pixels = columnOf(split, "pixels");
  return Array.from(split.target, (_, i) => [...pixels.subarray(i * 196, (i + 1) * 196)]);
}

test("every split has images and labels of its own, as brightness from 0 to 255", () => {
  expect([...task.splits.keys()]).toEqual(names);
  expect(names.map((name) => splitOf(task, name).target.length)).toEqual([400, 1000, 500, 500, 500, 500]);
  const all = names.flatMap(imagesOf);
  expect(new Set(all.map(String)).size).toBe(3400);
  expect(all.flat().every((value) => Number.isInteger(value) && value >= 0 && value <= 255)).toBe(true);
  for (const name of names) expect(new Set(splitOf(task, name).target).size).toBe(10);
});

test("what the nearest image of train says is right alike, and less often in the probes", () => {
  const [train, labels] = [imagesOf("train"), splitOf(task, "train").target];
  const nearestLabel = (image: readonly number[]) => {
    const distances = train.map((other) => other.reduce((sum, value, i) => sum + (value - (image[i] ?? 0)) ** 2, 0));
    return labels[distances.indexOf(Math.min(...distances))];
  };
  const accuracyOf = (name: SplitName) => {
    const { target } = splitOf(task, name);
    const right = imagesOf(name)
      .slice(0, 200)
      .filter((image, i) => nearestLabel(image) === target[i]);
    return right.length / 200;
  };
  const accuracies = Object.fromEntries(names.slice(1).map((name) => [name, accuracyOf(name)]));
  // A random guess is right once in ten: far above it, so a probe has kept its digits.
  for (const name of names.slice(1)) expect(accuracies[name], name).toBeGreaterThan(0.4);
  for (const name of names.slice(2, 5)) expect(accuracies[name], name).toBeLessThan(accuracies["validation"] ?? 0);
});

test("noise is on every pixel of ood:noisy and of no other split", () => {
  // Most of an image is black; noise makes half of that lighter.
  const litShare = (name: SplitName) => {
    const pixels = imagesOf(name).flat();
    return pixels.filter((value) => value > 0).length / pixels.length;
  };
  expect(litShare("ood:noisy")).toBeGreaterThan(0.7);
  for (const name of names.slice(0, 5)) expect(litShare(name), name).toBeLessThan(0.5);
});

test("an image that is moved has its light where it belongs, shared between pixels", () => {
  const pixels = new Uint8Array(784);
  pixels[10 * 28 + 12] = 200;
  const image: Image = { pixels, digit: 3 };
  const lit = ({ pixels }: Image) =>
    [...pixels].flatMap((value, i) => (value > 0 ? [[i % 28, Math.floor(i / 28), value]] : []));
  expect(lit(moved(image, (x, y) => [x + 1, y - 2]))).toEqual([[11, 12, 200]]);
  expect(lit(moved(image, (x, y) => [x + 0.5, y]))).toEqual([
    [11, 10, 100],
    [12, 10, 100],
  ]);
  // A quarter turn: (x, y) from the centre 13.5 is found at (-y, x).
  expect(lit(moved(image, (x, y) => [-y, x]))).toEqual([[10, 15, 200]]);
  expect(halved(image)[5 * 14 + 6]).toBe(50);
  expect(halved(image).filter((value) => value > 0)).toHaveLength(1);
});

test("more digits than there are is refused", () => {
  expect(() => createTask({ ...defaults, task: "digits", digitExamples: 7001 })).toThrow(
    "--digit-examples must be at most 7000 of the 10000 digits, got 7001",
  );
});

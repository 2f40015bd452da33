import type { Random } from "../random.ts";
import { UsageError } from "../usage-error.ts";
import { digitImages, halved, type Image, moved, SIDE } from "./digit-images.ts";
import type { Split, SplitName, Task } from "./task.ts";

export interface DigitsSettings {
  /** How many images to train on. */
  readonly digitExamples: number;
}

const HELD_OUT = 1000;
const OOD = 500;
const TURN = (15 * Math.PI) / 180;
const SHIFT = 1;
const SMALLER = 1.15;

/**
 * Handwritten digits, 14 x 14 pixels. Every split has images of its own, so a probe shows none that was trained on in
 * another place. The probes keep the digit and move what the pixels say of it:
 * - `ood:turned`: by 15 degrees, either way;
 * - `ood:shifted`: by one of 28 pixels to the left or the right, and up or down;
 * - `ood:small`: 15% smaller;
 * - `ood:noisy`: with noise on every pixel, which never is in train.
 */
export function digits({ digitExamples }: DigitsSettings, random: Random): Task {
  const images = random.shuffle(digitImages());
  const needed = digitExamples + HELD_OUT + 4 * OOD;
  if (needed > images.length) {
    const most = images.length - needed + digitExamples;
    throw new UsageError(
      `--digit-examples must be at most ${most} of the ${images.length} digits, got ${digitExamples}`,
    );
  }
  let next = 0;
  const draw = (count: number, change: (image: Image) => Image = (image) => image): Split => {
    const drawn = images.slice(next, next + count);
    next += count;
    return {
      inputs: { pixels: Int32Array.from(drawn.flatMap((image) => halved(change(image)))) },
      target: Int32Array.from(drawn, ({ digit }) => digit),
    };
  };
  const side = () => (random.uniform() < 0.5 ? -1 : 1);
  const turned = (image: Image) => {
    const angle = side() * TURN;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return moved(image, (x, y) => [cos * x - sin * y, sin * x + cos * y]);
  };
  const shifted = (image: Image) => {
    const [right, down] = [side() * SHIFT, side() * SHIFT];
    return moved(image, (x, y) => [x + right, y + down]);
  };
  const small = (image: Image) => moved(image, (x, y) => [x * SMALLER, y * SMALLER]);
  const noisy = ({ digit, pixels }: Image): Image => ({
    digit,
    pixels: pixels.map((value) => Math.min(255, Math.max(0, Math.round(value + NOISE * random.normal())))),
  });

  return {
    name: "digits",
    inputs: new Map([["pixels", { kind: "numbers", width: (SIDE / 2) ** 2, unit: 1 / 255 }]]),
    classes: 10,
    splits: new Map<SplitName, Split>([
      ["train", draw(digitExamples)],
      ["validation", draw(HELD_OUT)],
      ["ood:turned", draw(OOD, turned)],
      ["ood:shifted", draw(OOD, shifted)],
      ["ood:small", draw(OOD, small)],
      ["ood:noisy", draw(OOD, noisy)],
    ]),
  };
}

const NOISE = 25;

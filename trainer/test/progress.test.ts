import { expect, test } from "vitest";
import { createProgress } from "../src/progress.ts";
import type { Checkpoint } from "../src/train.ts";

const checkpoint = (step: number): Checkpoint => ({
  step,
  learningRate: 0.01,
  weightNorm: 53.38,
  splits: new Map([
    ["train", { correct: 1104, total: 1104, loss: 0 }],
    ["ood:corner", { correct: 199, total: 200, loss: 0.1 }],
  ]),
  weights: new Map(),
  onnx: new Uint8Array(),
  state: async () => ({ step, values: new Map() }),
});

function play(terminal: { isTTY?: boolean; columns?: number }): string {
  let written = "";
  const output = {
    ...terminal,
    write: (text: string) => {
      written += text;
    },
  };
  const progress = createProgress(output, 300);
  for (let step = 0; step <= 300; step += 25) {
    if (step > 0) progress.step(step);
    progress.checkpoint(checkpoint(step));
    if (step === 150) progress.phase("memorizer");
    if (step === 250) progress.phase("latent");
  }
  progress.end();
  return written;
}

test("where the output is no terminal: a line per hundred steps and per change of phase", () => {
  const measured = "train 1.00  corner 0.99  norm 53.4";
  expect(play({}).split("\n")).toEqual([
    `step   0/300  ${measured}`,
    `step 100/300  ${measured}`,
    "step 150: memorizer",
    `step 200/300  ${measured}  memorizer`,
    "step 250: memorizer -> latent",
    `step 300/300  ${measured}  latent`,
    "",
  ]);
});

test("on a terminal: one line, redrawn, never wider than the window; changes of phase stay", () => {
  const lines = play({ isTTY: true, columns: 40 }).split("\n");
  expect(lines.map((line) => line.split("\r\u001b[K").at(-1))).toEqual([
    "step 150: memorizer",
    "step 250: memorizer -> latent",
    "████████████████████ step 300/300  trai",
    "train      █████████████ 1.00",
    "ood:corner █████████████ 0.99",
    "",
  ]);
});

test("pushes have a bar beside that of the steps", () => {
  let written = "";
  const progress = createProgress({ isTTY: true, write: (text) => (written = text) }, 300);
  progress.step(150);
  progress.pushed(2, 5);
  expect(written).toBe("\r\u001b[K██████████░░░░░░░░░░ step 150/300  ██░░░ pushed 2/5");
});

test("the curves of a long run are as wide as the window", () => {
  let written = "";
  const output = {
    isTTY: true,
    columns: 30,
    write: (text: string) => {
      written += text;
    },
  };
  const progress = createProgress(output, 300);
  for (let step = 0; step <= 300; step++) progress.checkpoint(checkpoint(step));
  progress.end();
  const drawn = ["train      █████████████ 1.00", "ood:corner █████████████ 0.99"];
  expect(written.split("\n").slice(1, 3)).toEqual(drawn);
});

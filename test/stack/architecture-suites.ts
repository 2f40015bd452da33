import { createRandom } from "../../trainer/src/random.ts";
import { bytesOfArray, type Entry, safetensors } from "../tensors/safetensors-builder.ts";
import { type Architecture, toHalf } from "./architectures.ts";
import { type Team, until } from "./service.ts";

/** Of outputs that are about 1. */
export const TOLERANCE = "1e-4";
/** More than a batch. */
export const ROWS = 300;

const random = createRandom(5, "rows");

export type Row = Record<string, number[]>;
type Inputs = Architecture["inputs"];

export interface SplitRows {
  name: string;
  rows: readonly Row[];
  /** Row-major: the answers that are right. */
  targets: readonly number[];
}

export const drawRows = (inputs: Inputs): Row[] => Array.from({ length: ROWS }, () => rowOf(inputs));

function rowOf(inputs: Inputs): Row {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, shape, below = 1 }]) => {
      const length = shape.reduce((product, size) => product * size, 1);
      const draw = () => {
        if (dtype === "I64") return Math.floor(random.uniform() * below);
        // Eighths, which half precision holds exactly.
        return dtype === "F16" ? Math.round(random.normal() * 8) / 8 : Math.fround(random.normal());
      };
      return [name, Array.from({ length }, draw)];
    }),
  );
}

/** A suite of these splits: of a regression on every output, or of a classification where a row has one target. */
export function suiteOf(
  task: "regression" | "classification",
  inputs: Inputs,
  splits: readonly SplitRows[],
): Uint8Array<ArrayBuffer> {
  const entries = splits.flatMap(({ name: split, rows, targets }): Entry[] => {
    const shape = task === "regression" ? [rows.length, targets.length / rows.length] : [rows.length];
    const target =
      task === "regression"
        ? { dtype: "F64", data: bytesOfArray(Float64Array.from(targets)) }
        : { dtype: "I64", data: bytesOfArray(BigInt64Array.from(targets, BigInt)) };
    return [
      ...Object.entries(inputs).map(([name, { dtype, shape: ofRow }]) => {
        const values = rows.flatMap((row) => row[name] ?? []);
        return { name: `${split}/${name}`, dtype, shape: [rows.length, ...ofRow], data: encode(dtype, values) };
      }),
      { name: `${split}/target`, shape, ...target },
    ];
  });
  // Aligned and of one order, as the reference writer has it: wide types first.
  const aligned = entries.sort((a, b) => width(b.dtype) - width(a.dtype));
  const tolerance = task === "regression" ? { tolerance: TOLERANCE } : {};
  return Uint8Array.from(safetensors(aligned, { task, output: "y", ...tolerance }));
}

const width = (dtype: string) => Number(dtype.slice(1));

function encode(dtype: string, values: number[]): Uint8Array {
  if (dtype === "I64") return bytesOfArray(BigInt64Array.from(values, BigInt));
  return bytesOfArray(dtype === "F16" ? Uint16Array.from(values, toHalf) : Float32Array.from(values));
}

export interface Found {
  status: string;
  failure: unknown;
  splits: { correct: number; total: number; loss: number }[];
}

/** Has the service evaluate one checkpoint on a suite of its own. */
export async function evaluate(
  team: Team,
  name: string,
  suite: Uint8Array<ArrayBuffer>,
  onnx: Uint8Array,
): Promise<Found> {
  await team.client.putSuite(name, suite);
  await team.client.createModel({ name, suite: name });
  await team.client.pushCheckpoint(name, 1, Uint8Array.from(onnx));
  return await until(`an evaluation of ${name}`, async () => {
    const { body } = await team.call<Found>("GET", `/models/${name}/checkpoints/1/evaluation`);
    return body.status !== "queued" && body;
  });
}

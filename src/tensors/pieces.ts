import { Layers } from "./layers.ts";
import type { Measurement, Role, TensorStatistics } from "./measurement.ts";
import { SquareSum } from "./statistics.ts";

// A file that is read in several goes has tensors that were measured apart, and tensors of which each go saw a piece.

/**
 * The statistics of two consecutive pieces of one tensor, whose shapes are their numbers of elements. Norm and mean are
 * those of one pass up to rounding, all else exactly.
 */
export function joinPieces(a: TensorStatistics, b: TensorStatistics): TensorStatistics {
  const [ofA, ofB] = [finiteOf(a), finiteOf(b)];
  return {
    ...a,
    shape: [elementsOf(a) + elementsOf(b)],
    norm: squaresOf([a, b]).norm(),
    // Weighted before they are added: sums of huge float64s overflow where their mean does not.
    mean: ofA + ofB === 0 ? 0 : a.mean * (ofA / (ofA + ofB)) + b.mean * (ofB / (ofA + ofB)),
    max: Math.max(a.max, b.max),
    zeros: a.zeros + b.zeros,
    nans: a.nans + b.nans,
    infinities: a.infinities + b.infinities,
    role: joinRoles(a, b),
  };
}

/** What a file's tensors amount to, from their statistics alone. */
export function totalOf(
  tensors: readonly TensorStatistics[],
): Pick<Measurement, "weightNorm" | "parameters" | "nonFinite" | "layers"> {
  const weights = tensors.filter(({ role }) => role === "weight");
  const layers = new Layers();
  let [parameters, nonFinite] = [0, 0];
  for (const weight of weights) {
    const [elements, broken] = [elementsOf(weight), weight.nans + weight.infinities];
    layers.add(weight.name, squaresOf([weight]), elements, broken);
    parameters += elements;
    nonFinite += broken;
  }
  return { weightNorm: squaresOf(weights).norm(), parameters, nonFinite, layers: layers.measure() };
}

/**
 * Type and name give a piece the role of the whole. Values do so too, of masks: zeros beside one large value. A piece
 * of zeros alone tells nothing, and two masks of different values are none together.
 */
function joinRoles(a: TensorStatistics, b: TensorStatistics): Role {
  if (a.zeros === elementsOf(a)) return b.role;
  if (b.zeros === elementsOf(b)) return a.role;
  if (a.role !== b.role) return "weight";
  const sameValue = a.max === b.max && a.infinities > 0 === b.infinities > 0;
  return a.role === "constant" && !sameValue ? "weight" : a.role;
}

function squaresOf(tensors: readonly TensorStatistics[]): SquareSum {
  const squares = new SquareSum();
  for (const { norm } of tensors) squares.addSquareOf(norm);
  return squares;
}

const elementsOf = ({ shape }: TensorStatistics): number => shape.reduce((product, size) => product * size, 1);
const finiteOf = (tensor: TensorStatistics): number => elementsOf(tensor) - tensor.nans - tensor.infinities;

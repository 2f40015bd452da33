import { TensorFormatError } from "./errors.ts";
import type { Ledger } from "./ledger.ts";
import type { Role } from "./measurement.ts";
import type { ByteSink } from "./protobuf-stream.ts";

// How nodes use a value. A value may be used in several ways.
const OPERAND = 1;
const STATE = 2;
const SETTING = 4;
const EXTENT = 8;

/**
 * Inputs of operators that are no operands, by position (onnx.proto's Operators.md). State: what batch norm has
 * gathered, and scales and zero points that a quantizer has. Setting: bounds, factors, ratios and thresholds. Extent:
 * the shape of a result, of which no more than one number needs to be in the file.
 */
const SLOTS: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  BatchNormalization: { 3: STATE, 4: STATE },
  QuantizeLinear: { 1: STATE, 2: STATE },
  DequantizeLinear: { 1: STATE, 2: STATE },
  QLinearMatMul: { 1: STATE, 2: STATE, 4: STATE, 5: STATE, 6: STATE, 7: STATE },
  QLinearConv: { 1: STATE, 2: STATE, 4: STATE, 5: STATE, 6: STATE, 7: STATE },
  Clip: { 1: SETTING, 2: SETTING },
  Dropout: { 1: SETTING },
  NonMaxSuppression: { 3: SETTING, 4: SETTING },
  OneHot: { 2: SETTING },
  Pad: { 2: SETTING },
  Range: { 0: SETTING, 1: SETTING, 2: SETTING },
  Resize: { 1: SETTING, 2: SETTING },
  Upsample: { 1: SETTING },
  ConstantOfShape: { 0: EXTENT },
  Expand: { 1: EXTENT },
};

/** Operators whose result is their input. Exporters put them between a tensor that two layers share and the second. */
const ALIASES = new Set(["Identity", "Cast"]);

/** A name, as short as it can be told from others: 53 bits of hash. A clash only gives a tensor another one's role. */
export type NameKey = number;

/** Hashes a name as its bytes pass (FNV-1a, twice from different starts). */
export class NameSink implements ByteSink {
  readonly kind = "bytes";
  readonly #done: (key: NameKey) => void;
  #first = 0x811c9dc5;
  #second = 0x2f0b4a27;

  constructor(done: (key: NameKey) => void) {
    this.#done = done;
  }

  write(chunk: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i++) {
      this.#first = Math.imul(this.#first ^ (chunk[i] as number), 0x01000193);
      this.#second = Math.imul(this.#second ^ (chunk[i] as number), 0x01000193) + 0x9e3779b9;
    }
  }

  end(): void {
    this.#done((this.#first >>> 0) * 2 ** 21 + (this.#second >>> 11));
  }
}

const encoder = new TextEncoder();

function keyOf(name: string): NameKey {
  let found = 0;
  const sink = new NameSink((key) => {
    found = key;
  });
  const bytes = encoder.encode(name);
  sink.write(bytes, 0, bytes.length);
  sink.end();
  return found;
}

const NO_NAME = keyOf("");

/** Who uses which value, over all graphs of a model. Filled as nodes pass, and asked once the file is complete. */
export class OnnxUses {
  readonly #ledger: Ledger;
  readonly #uses = new Map<NameKey, number>();
  readonly #aliases: { readonly from: NameKey; readonly to: NameKey }[] = [];
  /** By the value they take their shape from: a node that makes a tensor of that shape. */
  readonly #extents = new Map<NameKey, string>();
  /** What known shapes multiply to. */
  readonly #products = new Map<NameKey, number>();
  #names = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Counts an input or output of a node before anything is kept of it. `what` names the node. */
  countName(what: () => string): void {
    const { nodeNames } = this.#ledger.limits;
    if (++this.#names > nodeNames) {
      throw new TensorFormatError(
        "too_many_values",
        `The nodes up to ${what()} have more than ${nodeNames} inputs and outputs together. Simplify the graph before exporting.`,
      );
    }
  }

  /** A node, complete. `operator` is empty where it is none of ONNX's own; `what` names the node. */
  addNode(operator: string, inputs: readonly NameKey[], outputs: readonly NameKey[], what: string): void {
    if (ALIASES.has(operator)) {
      const [from = NO_NAME] = inputs;
      const [to = NO_NAME] = outputs;
      this.#aliases.push({ from, to });
      return;
    }
    const slots = Object.hasOwn(SLOTS, operator) ? SLOTS[operator] : undefined;
    for (let slot = 0; slot < inputs.length; slot++) {
      const key = inputs[slot] as NameKey;
      if (key === NO_NAME) continue;
      const use = slots?.[slot] ?? OPERAND;
      this.#uses.set(key, (this.#uses.get(key) ?? 0) | use);
      if (use === EXTENT && !this.#extents.has(key)) {
        this.#ledger.keep(what.length * 2);
        this.#extents.set(key, what);
      }
    }
  }

  /** The result of a Constant node that may be a shape. */
  addConstant(output: NameKey, product: number): void {
    this.#products.set(output, product);
  }

  /** An initializer that may be a shape. */
  addShape(name: string, product: number): void {
    this.#products.set(keyOf(name), product);
  }

  /** Refuses tensors that a few bytes of the file make larger than anyone can hold. Only after the end of the model. */
  checkExtents(): void {
    this.#resolveAliases();
    const { filledElements } = this.#ledger.limits;
    for (const [key, what] of this.#extents) {
      const product = this.#products.get(key);
      if (product !== undefined && product > filledElements) throw tooLarge(what, product, filledElements);
    }
  }

  /** The role of a floating initializer by its uses: any use as an operand makes it a weight, and so does none. */
  roleOf(name: string): Role {
    const uses = this.#uses.get(keyOf(name)) ?? 0;
    if (uses === 0 || uses & OPERAND) return "weight";
    return uses & STATE ? "buffer" : "constant";
  }

  /** Backwards, because nodes come after those whose results they take: an alias of an alias is resolved first. */
  #resolveAliases(): void {
    for (let i = this.#aliases.length - 1; i >= 0; i--) {
      const { from, to } = this.#aliases[i] as { from: NameKey; to: NameKey };
      const uses = this.#uses.get(to);
      if (uses !== undefined) this.#uses.set(from, (this.#uses.get(from) ?? 0) | uses);
      const extent = this.#extents.get(to);
      if (extent !== undefined && !this.#extents.has(from)) this.#extents.set(from, extent);
    }
    this.#aliases.length = 0;
  }
}

/** The refusal of a node whose result has a shape that is too large. */
export function tooLarge(what: string, product: number, limit: number): TensorFormatError {
  return new TensorFormatError(
    "shape_too_large",
    `${what} makes a tensor of ${product} elements, the limit is ${limit}. Compute it from the input instead.`,
  );
}

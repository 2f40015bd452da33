import {
  type Dimension,
  type ElementType,
  encodeModel,
  type InitializerDescription,
  type NodeDescription,
  type TensorDescription,
} from "./messages.ts";

/** A tensor inside a graph; only a GraphBuilder makes one, and only from values that exist already. */
export class Value<Type extends ElementType, Shape extends readonly Dimension[]> implements TensorDescription {
  readonly graph: GraphBuilder;
  readonly name: string;
  readonly type: Type;
  readonly shape: Shape;

  constructor(graph: GraphBuilder, name: string, type: Type, shape: Shape) {
    this.graph = graph;
    this.name = name;
    this.type = type;
    this.shape = shape;
  }
}

type AnyValue = Value<ElementType, readonly Dimension[]>;
type Floats<Shape extends readonly Dimension[]> = Value<"float32", Shape>;

/**
 * Writes ONNX graphs in which names, element types, ranks and sizes agree: the compiler refuses what it can see, and
 * `require` the rest (sizes that come from settings are just `number` to the compiler).
 */
export class GraphBuilder {
  readonly #name: string;
  readonly #values = new Map<string, AnyValue>();
  readonly #inputs: AnyValue[] = [];
  readonly #initializers: InitializerDescription[] = [];
  readonly #nodes: NodeDescription[] = [];
  readonly #outputs: AnyValue[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  input<const Type extends ElementType, const Shape extends readonly Dimension[]>(
    name: string,
    type: Type,
    shape: Shape,
  ): Value<Type, Shape> {
    const value = this.#declare(name, type, shape);
    this.#inputs.push(value);
    return value;
  }

  weight<const Shape extends readonly number[]>(name: string, values: Float32Array, shape: Shape): Floats<Shape> {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    require(values.length === size, `${name} has ${values.length} values for shape [${shape}]`);
    const value = this.#declare(name, "float32", shape);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.#initializers.push({ name, type: "float32", shape, bytes });
    return value;
  }

  /** Rows of `table`, by index. */
  gather<Rows extends Dimension, Columns extends Dimension, N extends Dimension>(
    name: string,
    table: Floats<readonly [Rows, Columns]>,
    indices: Value<"int64", readonly [N]>,
  ): Floats<readonly [N, Columns]> {
    return this.#node("Gather", name, [table, indices], [indices.shape[0], table.shape[1]]);
  }

  add<Shape extends readonly Dimension[]>(name: string, x: Floats<Shape>, y: Floats<NoInfer<Shape>>): Floats<Shape> {
    require(`${x.shape}` === `${y.shape}`, `${name} adds [${x.shape}] and [${y.shape}]`);
    return this.#node("Add", name, [x, y], x.shape);
  }

  /** Element by element. */
  multiply<Shape extends readonly Dimension[]>(
    name: string,
    x: Floats<Shape>,
    y: Floats<NoInfer<Shape>>,
  ): Floats<Shape> {
    require(`${x.shape}` === `${y.shape}`, `${name} multiplies [${x.shape}] by [${y.shape}] element by element`);
    return this.#node("Mul", name, [x, y], x.shape);
  }

  /** Whole numbers as float32. */
  toFloat<Shape extends readonly Dimension[]>(name: string, x: Value<"int64", Shape>): Floats<Shape> {
    return this.#node("Cast", name, [x], x.shape, { to: { type: "float32" } });
  }

  matmul<N extends Dimension, K extends Dimension, M extends Dimension>(
    name: string,
    x: Floats<readonly [N, K]>,
    w: Floats<readonly [NoInfer<K>, M]>,
  ): Floats<readonly [N, M]> {
    require(x.shape[1] === w.shape[0], `${name} multiplies [${x.shape}] by [${w.shape}]`);
    return this.#node("MatMul", name, [x, w], [x.shape[0], w.shape[1]]);
  }

  relu<Shape extends readonly Dimension[]>(name: string, x: Floats<Shape>): Floats<Shape> {
    return this.#node("Relu", name, [x], x.shape);
  }

  /** x times w, plus b on every row. */
  gemm<N extends Dimension, K extends Dimension, M extends Dimension>(
    name: string,
    x: Floats<readonly [N, K]>,
    w: Floats<readonly [NoInfer<K>, M]>,
    b: Floats<readonly [NoInfer<M>]>,
  ): Floats<readonly [N, M]> {
    const fits = x.shape[1] === w.shape[0] && w.shape[1] === b.shape[0];
    require(fits, `${name} multiplies [${x.shape}] by [${w.shape}] and adds [${b.shape}]`);
    return this.#node("Gemm", name, [x, w, b], [x.shape[0], w.shape[1]]);
  }

  /** Element by element; a `y` of one row goes with every row of x. */
  combine<N extends Dimension, const Rest extends readonly Dimension[]>(
    operator: "Add" | "Sub" | "Mul" | "Div" | "Max",
    name: string,
    x: Floats<readonly [N, ...Rest]>,
    y: Floats<readonly [Dimension, ...Rest]>,
  ): Floats<readonly [N, ...Rest]> {
    const fits = `${x.shape.slice(1)}` === `${y.shape.slice(1)}` && (y.shape[0] === x.shape[0] || y.shape[0] === 1);
    require(fits, `${name} combines [${x.shape}] with [${y.shape}]`);
    return this.#node(operator, name, [x, y], x.shape);
  }

  /** Each row at mean 0 and variance 1, times gain, plus bias. */
  layerNorm<N extends Dimension, M extends Dimension>(
    name: string,
    x: Floats<readonly [N, M]>,
    gain: Floats<readonly [NoInfer<M>]>,
    bias: Floats<readonly [NoInfer<M>]>,
    epsilon: number,
  ): Floats<readonly [N, M]> {
    const fits = x.shape[1] === gain.shape[0] && x.shape[1] === bias.shape[0];
    require(fits, `${name} normalizes [${x.shape}] by [${gain.shape}] and [${bias.shape}]`);
    return this.#node("LayerNormalization", name, [x, gain, bias], x.shape, { epsilon: { float: epsilon } });
  }

  exp<Shape extends readonly Dimension[]>(name: string, x: Floats<Shape>): Floats<Shape> {
    return this.#node("Exp", name, [x], x.shape);
  }

  scale<Shape extends readonly Dimension[]>(name: string, x: Floats<Shape>, factor: number): Floats<Shape> {
    const constant = this.#node("Constant", `${name}.factor`, [], [], { value_float: { float: factor } });
    return this.#node("Mul", name, [x, constant], x.shape);
  }

  /** Each row in `parts` rows of its own: [N, M] as [N, parts, M / parts]. */
  splitRows<N extends Dimension>(
    name: string,
    x: Floats<readonly [N, number]>,
    parts: number,
  ): Floats<readonly [N, number, number]> {
    require(x.shape[1] % parts === 0, `${name} splits ${x.shape[1]} columns into ${parts} parts`);
    return this.#reshape(name, x, [x.shape[0], parts, x.shape[1] / parts]);
  }

  /** What splitRows did, undone. */
  joinRows<N extends Dimension>(name: string, x: Floats<readonly [N, number, number]>): Floats<readonly [N, number]> {
    return this.#reshape(name, x, [x.shape[0], x.shape[1] * x.shape[2]]);
  }

  /** Over the last dimension. */
  sum<N extends Dimension>(name: string, x: Floats<readonly [N, number, number]>): Floats<readonly [N, number]> {
    const axes = this.#integers(`${name}.axes`, [2]);
    return this.#node("ReduceSum", name, [x, axes], [x.shape[0], x.shape[1]], { keepdims: { integer: 0 } });
  }

  /** Each part of x, or of the one row that it is, times its weight. */
  weigh<N extends Dimension>(
    name: string,
    x: Floats<readonly [Dimension, number, number]>,
    weights: Floats<readonly [N, number]>,
  ): Floats<readonly [N, number, number]> {
    const [rows, parts, columns] = x.shape;
    const fits = parts === weights.shape[1] && (rows === weights.shape[0] || rows === 1);
    require(fits, `${name} weighs [${x.shape}] by [${weights.shape}]`);
    const columnOfWeights = this.#reshape(`${name}.weights`, weights, [...weights.shape, 1]);
    return this.#node("Mul", name, [x, columnOfWeights], [weights.shape[0], parts, columns]);
  }

  output(value: AnyValue): void {
    this.#own(value);
    this.#outputs.push(value);
  }

  finish(): Uint8Array<ArrayBuffer> {
    require(this.#outputs.length > 0, "the graph has no output");
    return encodeModel({
      name: this.#name,
      nodes: this.#nodes,
      initializers: this.#initializers,
      inputs: this.#inputs,
      outputs: this.#outputs,
    });
  }

  /** A dimension that is known only when the model is run is whatever is left. */
  #reshape<const Shape extends readonly Dimension[]>(name: string, x: AnyValue, shape: Shape): Floats<Shape> {
    const sizes = shape.map((size) => (typeof size === "number" ? size : -1));
    return this.#node("Reshape", name, [x, this.#integers(`${name}.shape`, sizes)], shape);
  }

  #integers(name: string, values: readonly number[]): AnyValue {
    const value = this.#declare(name, "int64", [values.length]);
    this.#nodes.push({
      operator: "Constant",
      inputs: [],
      output: name,
      attributes: { value_ints: { integers: values } },
    });
    return value;
  }

  #node<const Shape extends readonly Dimension[]>(
    operator: NodeDescription["operator"],
    output: string,
    inputs: readonly AnyValue[],
    shape: Shape,
    attributes?: NodeDescription["attributes"],
  ): Floats<Shape> {
    for (const input of inputs) this.#own(input);
    const value = this.#declare(output, "float32", shape);
    const node = { operator, inputs: inputs.map((input) => input.name), output };
    this.#nodes.push(attributes === undefined ? node : { ...node, attributes });
    return value;
  }

  #declare<Type extends ElementType, Shape extends readonly Dimension[]>(
    name: string,
    type: Type,
    shape: Shape,
  ): Value<Type, Shape> {
    require(name !== "" && !this.#values.has(name), `the name "${name}" is empty or taken`);
    const value = new Value(this, name, type, shape);
    this.#values.set(name, value);
    return value;
  }

  #own(value: AnyValue): void {
    require(value.graph === this, `${value.name} belongs to another graph`);
  }
}

function require(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(`ONNX graph: ${otherwise}`);
}

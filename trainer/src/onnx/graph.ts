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
    return this.#node("Cast", name, [x], x.shape, { to: "float32" });
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

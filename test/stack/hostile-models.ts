import {
  bytesOf,
  FLOAT,
  floats,
  INT64,
  initializer,
  int64s,
  integer,
  message,
  model,
  node,
  text,
  value,
} from "../tensors/onnx-builder.ts";

// Models that fit a table suite from outside, are well formed, and still cannot be evaluated.

const BOOL = 9;

type Field = Parameters<typeof model>[0][number];

const onTableSuite = (name: string, ...graph: Field[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(
    model([...graph, text(2, name), value(11, "row", INT64, ["N"]), value(12, "logits", FLOAT, ["N", "classes"])]),
  );

/**
 * A few bytes that ask for two gigabytes when the runtime folds its constants. A shape that stands in the file would be
 * refused when it is sent: this one is a product.
 */
export const bomb = (name: string) =>
  onTableSuite(
    name,
    node("Mul", ["rows", "columns"], ["size"]),
    node("ConstantOfShape", ["size"], ["huge"]),
    node("Gather", ["huge", "row"], ["logits"]),
    initializer("rows", INT64, [2], int64s(50_000, 1)),
    initializer("columns", INT64, [2], int64s(1, 10_000)),
  );

/** As above, hidden from folding: the size depends on the input. */
export const lateBomb = (name: string) =>
  onTableSuite(
    name,
    node("Shape", ["row"], ["shape"]),
    node("Mul", ["shape", "many"], ["size"]),
    node("ConstantOfShape", ["size"], ["huge"]),
    node("Gather", ["huge", "row"], ["logits"]),
    initializer("many", INT64, [2], int64s(100_000, 1000)),
  );

/** An operator that no runtime has. */
export const unknownOperator = (name: string) => onTableSuite(name, node("NoSuchOperator", ["row"], ["logits"]));

/** Shapes that cannot be multiplied. */
export const impossibleShapes = (name: string) =>
  onTableSuite(
    name,
    node("MatMul", ["a", "b"], ["table"]),
    node("Gather", ["table", "row"], ["logits"]),
    initializer("a", FLOAT, [2, 3], floats(1, 2, 3, 4, 5, 6)),
    initializer("b", FLOAT, [2, 3], floats(1, 2, 3, 4, 5, 6)),
  );

/** A table of `rows` by `columns`, smaller than the suite takes it to be, or filled with something else. */
export const smallTable = (name: string, rows: number, columns: number, fill = 1) =>
  onTableSuite(
    name,
    node("Gather", ["table", "row"], ["logits"]),
    initializer("table", FLOAT, [rows, columns], floats(...new Array<number>(rows * columns).fill(fill))),
  );

/** A few hundred products of large matrices, of a size that the input decides: minutes of work in a few kilobytes. */
export function tedious(name: string): Uint8Array<ArrayBuffer> {
  const turns = Array.from({ length: 300 }, (_, n) =>
    // By hand: nodes of one operator need names of their own.
    message(1, text(1, `m${n}`), text(1, "m0"), text(2, `m${n + 1}`), text(3, `turn ${n}`), text(4, "MatMul")),
  );
  return onTableSuite(
    name,
    node("Shape", ["row"], ["shape"]),
    node("Mul", ["shape", "many"], ["size"]),
    node("ConstantOfShape", ["size"], ["m0"]),
    ...turns,
    node("Gather", [`m${turns.length}`, "row"], ["logits"]),
    initializer("many", INT64, [2], int64s(12, 12)),
  );
}

/** A loop whose condition stays true. */
export const endless = (name: string) => looped(name, null);

/** A table of the right answers, all of them raised by one in each turn of a loop; null: it turns for ever. */
export function looped(name: string, turns: number | null): Uint8Array<ArrayBuffer> {
  const body = bytesOf(
    node("Identity", ["going"], ["goes on"]),
    node("Add", ["sum", "one"], ["more"]),
    text(2, "body"),
    value(11, "turn", INT64, []),
    value(11, "going", BOOL, []),
    value(11, "sum", FLOAT, []),
    value(12, "goes on", BOOL, []),
    value(12, "more", FLOAT, []),
  );
  const GRAPH = 5;
  const attribute = message(5, text(1, "body"), (writer) => writer.uint32(50).bytes(body), integer(20, GRAPH));
  return onTableSuite(
    name,
    node("Loop", [turns === null ? "" : "turns", "yes", "zero"], ["raise"], attribute),
    node("Gather", ["table", "row"], ["known"]),
    node("Add", ["known", "raise"], ["logits"]),
    initializer("yes", BOOL, [], Uint8Array.of(1)),
    initializer("zero", FLOAT, [], floats(0)),
    initializer("one", FLOAT, [], floats(1)),
    initializer("turns", INT64, [], int64s(turns ?? 0)),
    initializer("table", FLOAT, [360, 10], floats(...RIGHT_ANSWERS)),
  );
}

const RIGHT_ANSWERS = Array.from({ length: 360 * 10 }, (_, n) => (Math.floor(n / 10) % 10 === n % 10 ? 1 : 0));

/** A table of the right answers that also fills `perRow` floats for every row of a batch: greedy, and right. */
export function greedyTable(name: string, perRow: number): Uint8Array<ArrayBuffer> {
  return onTableSuite(
    name,
    node("Gather", ["table", "row"], ["answers"]),
    node("Shape", ["row"], ["rows"]),
    node("Concat", ["rows", "perRow"], ["size"], message(5, text(1, "axis"), integer(3, 0), integer(20, 2))),
    node("ConstantOfShape", ["size"], ["filled"]),
    node("ReduceSum", ["filled", "axis"], ["nothing"]),
    node("Add", ["answers", "nothing"], ["logits"]),
    initializer("table", FLOAT, [360, 10], floats(...RIGHT_ANSWERS)),
    initializer("perRow", INT64, [1], int64s(perRow)),
    initializer("axis", INT64, [1], int64s(1)),
  );
}

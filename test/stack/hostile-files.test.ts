import { beforeAll, expect, test } from "vitest";
import {
  bytes,
  bytesOf,
  dims,
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
import { safetensors } from "../tensors/safetensors-builder.ts";
import { expectRefusal } from "./refused.ts";
import { newTeam, type Team, until } from "./service.ts";
import { newTableModel } from "./trajectories.ts";

// Files that harm, or whose names do, through the door: refused in a short sentence that names the tensor or node.

let team: Team;
let id: string;
beforeAll(async () => {
  team = await newTeam();
  ({ id } = await newTableModel(team));
});

const put = (file: Uint8Array, step = 1) =>
  team.call("PUT", `/models/${id}/checkpoints/${step}`, { body: Uint8Array.from(file) });

const size = (...shape: number[]) => initializer("size", INT64, [shape.length], int64s(...shape));
const fill = node("ConstantOfShape", ["size"], ["huge"]);
const weight = (...fields: Parameters<typeof message>[1][]) =>
  model([message(5, dims([2]), integer(2, FLOAT), text(8, "w"), ...fields)]);
const subgraph = node("Loop", [], ["y"], message(5, text(1, "body"), message(6, node("Relu", ["a"], ["b"]))));
const calls = (name: string, called: string) =>
  message(25, text(1, name), message(7, text(4, called), text(7, "my")), text(10, "my"));

/** Turned around, invisible, and ten thousand bytes long. */
const HIDDEN = /[\p{Cc}\p{Cf}]/u;
const long = (characters: number) => "\u202ex\u200b".repeat(characters / 3);

test.each<{ name: string; file: Uint8Array; reason: string; says: RegExp }>([
  {
    name: "95 bytes that ask for two gigabytes",
    file: model([fill, size(50_000, 10_000)]),
    reason: "shape_too_large",
    says: /"ConstantOfShape_0".*500000000.*268435456/,
  },
  {
    name: "an expansion to two gigabytes",
    file: model([node("Expand", ["x", "size"], ["huge"]), size(1, 50_000, 10_000)]),
    reason: "shape_too_large",
    says: /"Expand_0"/,
  },
  {
    name: "dimensions whose product no number holds",
    file: model([initializer("w", FLOAT, [2 ** 52, 2 ** 52], floats(1))]),
    reason: "shape_too_large",
    says: /"w".*68719476736/,
  },
  {
    name: "external data",
    file: weight(message(13, text(1, "location"), text(2, "/etc/passwd"))),
    reason: "external_data",
    says: /"w".*external_data=False/,
  },
  {
    name: "a sparse initializer",
    file: model([message(15, message(1, text(8, "pruned")))]),
    reason: "sparse_tensor",
    says: /"pruned".*dense/,
  },
  {
    name: "an operator of somebody's own",
    file: model([node("Gelu", ["a"], ["b"], text(7, "com.microsoft"))]),
    reason: "custom_operator",
    says: /"Gelu_0".*com\.microsoft::Gelu/,
  },
  { name: "a subgraph", file: model([subgraph]), reason: "control_flow", says: /"Loop_0".*controlFlowDepth/ },
  {
    name: "functions that call each other",
    file: model([], calls("f", "g"), calls("g", "f")),
    reason: "function_recursion",
    says: /calls itself/,
  },
  {
    name: "operators of the future",
    file: bytesOf(integer(1, 8), message(7, node("Relu", ["a"], ["b"])), message(8, integer(2, 99))),
    reason: "unsupported_version",
    says: /opset version 99.*up to 26/,
  },
  {
    name: "more tensors than are taken",
    file: safetensors(
      Array.from({ length: 16_385 }, (_, n) => ({ name: `${n}`, dtype: "F32", shape: [0], data: new Uint8Array() })),
    ),
    reason: "too_many_tensors",
    says: /16385.*16384/,
  },
  {
    name: "more initializers than are taken",
    file: model(Array.from({ length: 16_385 }, (_, n) => initializer(`${n}`, FLOAT, [0], floats()))),
    reason: "too_many_tensors",
    says: /Tensor 16385 of the file.*16384/,
  },
  {
    name: "a tensor's name of ten thousand bytes",
    file: model([initializer("a", FLOAT, [1], floats(1)), initializer("n".repeat(10_000), FLOAT, [1], floats(1))]),
    reason: "name_too_long",
    says: /initializer 2 of the file is 10000 bytes long.*1024/,
  },
  {
    name: "a node's name of ten thousand bytes",
    file: model([message(1, text(3, "n".repeat(10_000)), text(4, "Relu"))]),
    reason: "name_too_long",
    says: /node 1 is 10000 bytes long.*1024/,
  },
  {
    name: "a tensor's name with control characters",
    file: model([initializer("a\0b\x1b[2J", FLOAT, [1], floats(1))]),
    reason: "invalid_name",
    says: /"a.b.\[2J" has control characters/,
  },
  {
    name: "a tensor's name that is not text",
    file: model([message(5, dims([1]), integer(2, FLOAT), bytes(8, Uint8Array.of(0xff, 0xfe)))]),
    reason: "invalid_name",
    says: /initializer 1 of the file is not valid UTF-8/,
  },
  {
    name: "a name that hides, of a tensor that ends early",
    file: model([initializer(long(300), FLOAT, [5], floats(1))]),
    reason: "size_mismatch",
    says: /…" of shape \[5\].*takes 20 bytes and has 4/,
  },
  {
    name: "a name that hides, of a tensor of no known type",
    file: safetensors([{ name: long(9000), dtype: "F32", shape: [1], data: new Uint8Array(4) }]),
    reason: "name_too_long",
    says: /1024 bytes/,
  },
])("$name: refused as $reason, by name and in a sentence", async ({ file, reason, says }) => {
  const answer = await put(file);
  expectRefusal(answer, { status: 422, code: "invalid_checkpoint", says });
  expect(answer.body).toMatchObject({ reason });
  const { detail } = answer.body as { detail: string };
  expect(detail.length).toBeLessThan(500);
  expect(detail).not.toMatch(HIDDEN);
});

/** A model of a table whose input, axis and outputs have the names given. */
const table = ({ input = "row", axes = ["N"], outputs = ["logits"] }) =>
  model([
    node("Gather", ["table", input], ["logits"]),
    text(2, "named"),
    initializer("table", FLOAT, [2, 2], floats(1, 2, 3, 4)),
    value(11, input, INT64, axes),
    ...outputs.map((name) => value(12, name, FLOAT, ["N", 2])),
  ]);

test.each([
  { name: "an input", file: table({ input: long(300) }) },
  { name: "the axes", file: table({ axes: ["N", ...Array.from({ length: 40 }, () => long(300))] }) },
  { name: "a hundred outputs", file: table({ outputs: Array.from({ length: 100 }, (_, n) => `${n}${long(300)}`) }) },
])("names that hide, of $name that the suite does not fit, are shown short and plain", async ({ file }) => {
  const answer = await put(file);
  expectRefusal(answer, { status: 422, code: "input_mismatch" });
  const { detail } = answer.body as { detail: string };
  expect(detail.length).toBeLessThan(1500);
  expect(detail).not.toMatch(HIDDEN);
});

test("a name that hides, in what ONNX Runtime says of a model, is plain in the document and on the page", async () => {
  const name = `<script>${long(300)}`;
  // It has two rows of the many that it is asked for.
  const file = model([
    message(1, text(1, "table"), text(1, "row"), text(2, "logits"), text(3, name), text(4, "Gather")),
    text(2, "small"),
    initializer("table", FLOAT, [2, 10], floats(...new Array<number>(20).fill(1))),
    value(11, "row", INT64, ["N"]),
    value(12, "logits", FLOAT, ["N", 10]),
  ]);
  expect((await put(file, 7)).status).toBe(202);
  const failure = await until("the failed evaluation", async () => {
    const { body } = await team.call<{ evaluation: { failure?: { message: string } } }>(
      "GET",
      `/models/${id}/checkpoints/7`,
    );
    return body.evaluation.failure;
  });
  expect(failure.message).toContain("<script>");
  expect(failure.message.length).toBeLessThan(510);
  expect(failure.message).not.toMatch(HIDDEN);
  const form = { "content-type": "application/x-www-form-urlencoded", origin: team.service.url };
  const signedIn = await team.call("POST", "/sign-in", { headers: form, body: `key=${team.key}&next=/`, key: null });
  const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
  const page = await team.call("GET", `/models/${id}`, { headers: { accept: "text/html", cookie }, key: null });
  const shown = /Step 7: (.*?)<\/li>/s.exec(page.text)?.[1];
  expect(shown).toContain("&lt;script&gt;");
  expect(shown).not.toMatch(/<script|[\u202e\u200b]/);
});

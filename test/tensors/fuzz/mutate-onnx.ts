import { WireType } from "@bufbuild/protobuf/wire";
import { damageBytes } from "./damage.ts";
import { copyField, type Field, messagesOf, parseTree, type Tree, writeTree } from "./protobuf-tree.ts";
import type { Random } from "./random.ts";

const NUMBERS = [0n, 1n, 2n, 7n, 8n, 10n, 16n, 22n, 64n, 65n, 127n, 128n, 1n << 28n, 1n << 31n, (1n << 31n) - 1n];
const LARGE = [1n << 32n, 1n << 36n, (1n << 53n) - 1n, 1n << 62n, 1n << 63n, (1n << 64n) - 1n, (1n << 64n) - 2n];
const LIES = [-1, 1, -4, 4, 127, 2 ** 20, 2 ** 31, 2 ** 53];
const WORDS = ["", "x", "w", "Loop", "If", "Constant", "ConstantOfShape", "Identity", "BatchNormalization", "Clip"];
const ODD_WORDS = [
  "ai.onnx",
  "my",
  "f",
  "__proto__",
  "a\0b",
  "\u202e",
  "é".repeat(600),
  "\ud7ff",
  "shape",
  "value_ints",
];
const encoder = new TextEncoder();

/** A well-formed model with one to six changes of its structure. `others` give parts to it. */
export function mutateOnnx(random: Random, file: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  const tree = parseTree(file);
  for (let changes = 1 + random.below(6); changes > 0; changes--) {
    const messages = messagesOf(tree);
    // Deep messages are many: the root and its graph get a share of their own.
    change(random, random.once(4) ? tree : random.pick(messages), messages, others);
    // Subtrees in each other grow fast, and size is not what is looked for.
    if (messages.length > 3000) break;
  }
  return damageBytes(random, writeTree(tree));
}

function change(random: Random, message: Tree, messages: readonly Tree[], others: readonly Uint8Array[]): void {
  const { fields } = message;
  const at = random.below(Math.max(1, fields.length));
  const field = fields[at];
  if (field === undefined) {
    message.fields.push({ number: 1 + random.below(30), wire: WireType.Varint, value: random.pick(NUMBERS) });
    return;
  }
  switch (random.below(11)) {
    case 0:
      fields.splice(at, 1);
      break;
    case 1:
      fields.splice(random.below(fields.length), 0, copyField(field));
      break;
    case 2:
      fields.push(...fields.splice(at, 1));
      break;
    case 3:
      field.number = random.once(3) ? 1 + random.below(2 ** 29 - 1) : 1 + random.below(30);
      break;
    case 4:
      field.lie = random.pick(LIES);
      break;
    case 5:
      random.pick(messages).fields.push(copyField(field));
      break;
    case 6:
      graft(random, message, others);
      break;
    case 7:
      for (let copies = random.below(150); copies > 0; copies--) fields.push(copyField(field));
      break;
    case 8:
      if (message.kind === "graph") nest(random, message);
      break;
    default:
      changeValue(random, field);
  }
}

function changeValue(random: Random, field: Field): void {
  if (typeof field.value === "bigint") {
    if (random.once(5)) {
      field.wire = random.pick([WireType.Varint, WireType.Bit32, WireType.Bit64]);
    } else field.value = random.pick(random.once(3) ? LARGE : NUMBERS);
  } else if (field.value instanceof Uint8Array) field.value = changeBytes(random, field.value);
  else if (random.once(3)) field.value = changeBytes(random, writeTree(field.value));
}

function changeBytes(random: Random, bytes: Uint8Array): Uint8Array {
  switch (random.below(5)) {
    case 0:
      return encoder.encode(random.pick(random.once(2) ? ODD_WORDS : WORDS));
    case 1:
      return bytes.slice(0, random.below(bytes.length + 1));
    case 2:
      return Uint8Array.from({ length: random.below(2048) }, () => random.below(256));
    case 3: {
      // A list of numbers in a field of its own.
      const values = Array.from({ length: random.below(70) }, () => random.pick(random.once(4) ? LARGE : NUMBERS));
      const numbers = values.map((value): Field => ({ number: 1, wire: WireType.Varint, value }));
      return random.once(2)
        ? new Uint8Array(BigUint64Array.from(values).buffer)
        : writeTree({ kind: "", fields: numbers }).filter((_, at) => at % 2 === 1 || random.once(2));
    }
    default: {
      const changed = bytes.slice();
      for (let i = random.below(4) + 1; i > 0 && changed.length > 0; i--) {
        changed[random.below(changed.length)] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
      }
      return changed;
    }
  }
}

/** A part of the same kind from another file. */
function graft(random: Random, message: Tree, others: readonly Uint8Array[]): void {
  const donors = messagesOf(parseTree(random.pick(others))).filter(({ kind }) => kind === message.kind);
  const donor = donors.length > 0 ? random.pick(donors) : undefined;
  if (donor === undefined || donor.fields.length === 0) return;
  message.fields.splice(random.below(message.fields.length + 1), 0, copyField(random.pick(donor.fields)));
}

/** The graph as the body of a loop in itself, some times over. */
function nest(random: Random, graph: Tree): void {
  for (let depth = 1 + random.below(5); depth > 0; depth--) {
    const body: Field = {
      number: 6,
      wire: WireType.LengthDelimited,
      value: { kind: "graph", fields: [...graph.fields] },
    };
    const attribute: Field = {
      number: 5,
      wire: WireType.LengthDelimited,
      value: { kind: "attribute", fields: [body] },
    };
    const node: Tree = { kind: "node", fields: [attribute] };
    graph.fields = [{ number: 1, wire: WireType.LengthDelimited, value: node }];
  }
}

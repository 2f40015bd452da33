import { SPECIFIED_HEADER_BYTES } from "./limits.ts";
import type { Format } from "./measurement.ts";

const startsWith = (head: Uint8Array, magic: readonly number[]): boolean =>
  head.length >= magic.length && magic.every((byte, i) => head[i] === byte);

const TORCH =
  "It looks like a file from torch.save; export the model with torch.onnx.export(model, example, path, external_data=False), or its weights with safetensors.torch.save_file.";

/** Magic numbers of what people send by mistake. */
const FOREIGN: readonly [magic: readonly number[], hint: string][] = [
  [[0x50, 0x4b, 0x03, 0x04], TORCH],
  [[0x50, 0x4b, 0x05, 0x06], TORCH],
  [[0x80, 0x02], TORCH],
  [[0x80, 0x03], TORCH],
  [[0x80, 0x04], TORCH],
  [[0x80, 0x05], TORCH],
  [[0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a], "It looks like an HDF5 file of Keras; convert it with tf2onnx."],
  [[0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59], "It looks like a NumPy array."],
  [[0x47, 0x47, 0x55, 0x46], "It looks like a GGUF file."],
  [[0x1f, 0x8b], "It looks like a gzip file; send it uncompressed."],
  [[0x28, 0xb5, 0x2f, 0xfd], "It looks like a Zstandard file; send it uncompressed."],
];

/**
 * A sentence on what the file looks like instead, or undefined where nothing is recognized. A torch pickle is told
 * by 80 0x, which could also begin the length of a safetensors header: hence the look at the ninth byte.
 */
export function describeForeign(head: Uint8Array): string | undefined {
  if (head.length === 0) return "The file is empty.";
  if (looksLikeSafetensors(head)) return undefined;
  for (const [magic, hint] of FOREIGN) if (startsWith(head, magic)) return hint;
  const text = new TextDecoder().decode(head.subarray(0, 8)).trimStart();
  if (/^[{[]/.test(text)) return "It looks like JSON.";
  if (/^<(!doc|html|\?xml)/i.test(text)) return "It looks like a web page.";
  if (/^version /.test(text)) return "It is a Git LFS pointer; run git lfs pull and send the file itself.";
  return undefined;
}

/** A header's length within the specification and, where the head reaches so far, the header's opening brace. */
export function looksLikeSafetensors(head: Uint8Array): boolean {
  if (head.length < 8 || !startsWith(head.subarray(4), [0, 0, 0, 0])) return false;
  const length = new DataView(head.buffer, head.byteOffset).getUint32(0, true);
  return length >= 2 && length <= SPECIFIED_HEADER_BYTES && (head.length < 9 || head[8] === 0x7b);
}

/** Tags a ModelProto may continue with after ir_version: fields 2 to 8, 14, 20, 25 and 26 with their wire types. */
const SECOND_TAGS = new Set([0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72, 0xa2, 0xca, 0xd2]);

/**
 * The format by the first bytes (at least 16), or null if it is neither. An ONNX file is told by `ir_version`, which
 * is field 1 of ModelProto and which every known serializer therefore writes first.
 */
export function sniffFormat(head: Uint8Array): Format | null {
  if (head.length >= 9 && looksLikeSafetensors(head)) return "safetensors";
  const [tag, version, next] = head;
  if (tag !== 0x08 || version === undefined || version === 0 || version > 0x7f || next === undefined) return null;
  return SECOND_TAGS.has(next) ? "onnx" : null;
}

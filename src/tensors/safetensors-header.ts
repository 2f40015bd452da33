import { type Dtype, dtypeFromSafetensors, elementCount } from "./dtypes.ts";
import { describeShape, quote, TensorFormatError } from "./errors.ts";
import { type HeaderValue, parseHeaderJson } from "./header-json.ts";
import { checkName } from "./ledger.ts";
import { DEFAULT_LIMITS, type MeterLimits, SPECIFIED_HEADER_BYTES } from "./limits.ts";
import { describeForeign } from "./sniff.ts";

/** Bytes before the JSON: its length, an unsigned 64-bit little-endian integer. */
export const PREFIX_BYTES = 8;

/** JSON values of one tensor: an object, a dtype, two arrays, two offsets, and up to ten dimensions on average. */
const VALUES_PER_TENSOR = 16;
const METADATA_VALUES = 65_536;

export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Where the tensor's bytes begin, counted from the start of the file. */
  readonly offset: number;
  /** Always the product of the shape times the element's size. */
  readonly byteLength: number;
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their bytes, which follow each other without gap or overlap. */
  readonly tensors: readonly SafetensorsEntry[];
  /** Where the tensors begin: the length of prefix and JSON. */
  readonly dataOffset: number;
  /** The only size the file may have, in bytes. */
  readonly fileBytes: number;
}

/**
 * Bytes of prefix and JSON together, read off the first 8 bytes of a file: what to fetch before
 * `parseSafetensorsHeader`. Throws `not_safetensors`, `truncated` or `header_too_large`.
 */
export function safetensorsHeaderBytes(head: Uint8Array, limits: Readonly<MeterLimits> = DEFAULT_LIMITS): number {
  // Most other files would claim petabytes below; what they are helps more than the number.
  const foreign = describeForeign(head.subarray(0, PREFIX_BYTES));
  if (foreign !== undefined) throw notSafetensors(foreign);
  if (head.length < PREFIX_BYTES) {
    throw new TensorFormatError(
      "truncated",
      `The file ends after ${head.length} bytes; safetensors begins with a length of ${PREFIX_BYTES} bytes. Send it whole.`,
    );
  }
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const length = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  if (length > limits.headerBytes) {
    // The specification's own cap divides headers that are too large from bytes that never were one.
    if (length > SPECIFIED_HEADER_BYTES) throw notSafetensors("Its first 8 bytes are not the length of a header.");
    throw new TensorFormatError(
      "header_too_large",
      `The safetensors header is ${length} bytes long, the limit is ${limits.headerBytes}. Move metadata elsewhere or split the file.`,
    );
  }
  if (length < 2) throw notSafetensors("Its first 8 bytes are not the length of a header.");
  return PREFIX_BYTES + length;
}

export function notSafetensors(why: string): TensorFormatError {
  return new TensorFormatError(
    "not_safetensors",
    `This is not a safetensors file. ${why} Write it with safetensors.torch.save_file(model.state_dict(), path).`,
  );
}

/**
 * Parses and checks the header of a safetensors file from its first bytes; more bytes than the header may follow and
 * are not looked at. Checks what the specification asks for: sizes, shapes times types, offsets without gap or
 * overlap, unique names, `__metadata__` from string to string. Source: github.com/huggingface/safetensors, "Format".
 * Throws TensorFormatError.
 */
export function parseSafetensorsHeader(
  bytes: Uint8Array,
  limits: Readonly<MeterLimits> = DEFAULT_LIMITS,
): SafetensorsHeader {
  const dataOffset = safetensorsHeaderBytes(bytes, limits);
  if (bytes.length < dataOffset) {
    throw new TensorFormatError(
      "truncated",
      `The safetensors header is ${dataOffset} bytes long, the file ends after ${bytes.length}. Send it whole.`,
    );
  }
  if (bytes[PREFIX_BYTES] !== 0x7b) throw notSafetensors("Its header does not begin with a brace.");
  const text = decodeHeader(bytes.subarray(PREFIX_BYTES, dataOffset));
  const root = parseHeaderJson(text, limits.tensors * VALUES_PER_TENSOR + METADATA_VALUES);
  if (!(root instanceof Map)) throw malformed("it is not an object");

  const metadata = parseMetadata(root.get("__metadata__"));
  root.delete("__metadata__");
  if (root.size > limits.tensors) {
    throw new TensorFormatError(
      "too_many_tensors",
      `The file has ${root.size} tensors, the limit is ${limits.tensors}. Merge small ones or split the file.`,
    );
  }
  const tensors = Array.from(root, ([name, value]) => parseEntry(name, value, dataOffset, limits));
  tensors.sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  let end = dataOffset;
  for (const { name, offset, byteLength } of tensors) {
    if (offset !== end) {
      const how = offset > end ? "leaves a gap before it" : "overlaps the tensor before it";
      throw new TensorFormatError(
        "invalid_offsets",
        `Tensor ${quote(name)} ${how}: its data begin at byte ${offset} of the file and should at ${end}. Save the file again.`,
      );
    }
    end += byteLength;
  }
  if (end > limits.fileBytes) {
    throw new TensorFormatError("file_too_large", `The file is ${end} bytes long, the limit is ${limits.fileBytes}.`);
  }
  return { metadata, tensors, dataOffset, fileBytes: end };
}

function malformed(why: string): TensorFormatError {
  return new TensorFormatError("malformed_header", `The safetensors header is malformed: ${why}. Save the file again.`);
}

function decodeHeader(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed("it is not valid UTF-8");
  }
}

function parseMetadata(value: HeaderValue | undefined): Record<string, string> {
  if (value === undefined) return {};
  if (!(value instanceof Map)) throw malformed("__metadata__ is not an object");
  const pairs: [string, string][] = [];
  for (const [key, text] of value) {
    if (typeof text !== "string") throw malformed(`__metadata__ ${quote(key)} is not a string`);
    pairs.push([key, text]);
  }
  // fromEntries defines own properties, so a key named __proto__ is only a key.
  return Object.fromEntries(pairs);
}

function parseEntry(name: string, value: HeaderValue, dataOffset: number, limits: MeterLimits): SafetensorsEntry {
  checkName(name, "Tensor", limits);
  if (!(value instanceof Map) || value.size !== 3) {
    throw malformed(`tensor ${quote(name)} must have exactly dtype, shape and data_offsets`);
  }
  const dtypeName = value.get("dtype");
  const shape = value.get("shape");
  const offsets = value.get("data_offsets");
  if (typeof dtypeName !== "string") throw malformed(`tensor ${quote(name)} has no dtype`);
  if (!isNumbers(shape)) throw malformed(`tensor ${quote(name)} has no shape`);
  if (!isNumbers(offsets) || offsets.length !== 2) throw malformed(`tensor ${quote(name)} has no data_offsets`);
  const dtype = dtypeFromSafetensors(dtypeName);
  if (dtype === undefined) {
    throw new TensorFormatError(
      "unsupported_dtype",
      `Tensor ${quote(name)} has the type ${quote(dtypeName)}, which cannot be measured. Convert it to F32, F16 or BF16.`,
    );
  }
  const count = shape.length > limits.rank ? undefined : elementCount(shape, limits.elements);
  if (count === undefined) {
    throw new TensorFormatError(
      "shape_too_large",
      `Tensor ${quote(name)} of shape ${describeShape(shape)} exceeds ${limits.elements} elements or ${limits.rank} dimensions. Split it.`,
    );
  }
  const [begin = 0, end = 0] = offsets;
  if (end < begin || count * dtype.bytes !== end - begin) {
    throw new TensorFormatError(
      "size_mismatch",
      `Tensor ${quote(name)} of shape ${describeShape(shape)} and type ${dtypeName} takes ${count * dtype.bytes} bytes, its offsets span ${end - begin}. Save the file again.`,
    );
  }
  return { name, dtype: dtype.name, shape, offset: dataOffset + begin, byteLength: end - begin };
}

function isNumbers(value: HeaderValue | undefined): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === "number");
}

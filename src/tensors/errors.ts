/**
 * Every way a file can fail to be a checkpoint or a suite. Codes are stable: they go over the wire.
 * All are permanent: the same bytes will be refused again.
 */
export const TENSOR_FORMAT_CODES = [
  "not_onnx",
  "not_safetensors",
  "truncated",
  "trailing_bytes",
  "malformed_protobuf",
  "malformed_header",
  "incomplete_model",
  "external_data",
  "sparse_tensor",
  "custom_operator",
  "control_flow",
  "function_recursion",
  "functions_too_deep",
  "duplicate_field",
  "duplicate_name",
  "field_order",
  "invalid_name",
  "invalid_offsets",
  "unsupported_dtype",
  "unsupported_encoding",
  "unsupported_version",
  "size_mismatch",
  "value_out_of_range",
  "shape_too_large",
  "name_too_long",
  "names_too_large",
  "header_too_large",
  "constant_too_large",
  "file_too_large",
  "too_many_tensors",
  "too_many_nodes",
  "too_many_functions",
  "too_many_operators",
  "too_many_values",
] as const;

export type TensorFormatCode = (typeof TENSOR_FORMAT_CODES)[number];

/** A file that cannot be read as what it was said to be. `message` is a sentence for the person who sent it. */
export class TensorFormatError extends Error {
  override readonly name = "TensorFormatError";
  readonly code: TensorFormatCode;

  constructor(code: TensorFormatCode, message: string) {
    super(message);
    this.code = code;
  }
}

const QUOTED_CHARACTERS = 80;

/** Text out of a hostile file without the characters that hide, or turn what stands around them. */
export const visible = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\ufffd");

/** A name out of a hostile file, fit for a message or a terminal: quoted, short, and without invisible characters. */
export function quote(name: string): string {
  const short = name.length > QUOTED_CHARACTERS ? `${name.slice(0, QUOTED_CHARACTERS)}…` : name;
  return JSON.stringify(visible(short));
}

const QUOTED_NAMES = 8;

/** Names as `quote` shows them, and no more than a sentence has room for. */
export function quoteAll(names: readonly string[]): string {
  const shown = names.slice(0, QUOTED_NAMES).map(quote).join(", ");
  return names.length > QUOTED_NAMES ? `${shown} and ${names.length - QUOTED_NAMES} more` : shown;
}

/** `[3,1024]`, cut after a few dimensions. */
export function describeShape(shape: readonly number[]): string {
  return `[${shape.slice(0, 8).join(",")}${shape.length > 8 ? ",…" : ""}]`;
}

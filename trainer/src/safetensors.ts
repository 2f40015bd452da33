// https://github.com/huggingface/safetensors: header length (8 bytes, little-endian), JSON header, data.

const DTYPES = { I64: BigInt64Array, I32: Int32Array, F32: Float32Array } as const;

export interface SafeTensor {
  readonly shape: readonly number[];
  readonly values: BigInt64Array | Int32Array | Float32Array;
}

export function writeSafetensors(
  tensors: ReadonlyMap<string, SafeTensor>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const [name, { shape, values }] of tensors) {
    if (shape.reduce((product, size) => product * size, 1) !== values.length) {
      throw new Error(`${name} has ${values.length} values for shape [${shape}]`);
    }
    const start = end;
    end += values.byteLength;
    header[name] = { dtype: dtypeOf(values), shape, data_offsets: [start, end] };
  }

  const json = new TextEncoder().encode(JSON.stringify(header));
  // Readers map tensors in place, so the data starts at a multiple of 8; spaces are what the format pads with.
  const length = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + length + end).fill(0x20, 8, 8 + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(json, 8);
  let offset = 8 + length;
  for (const { values } of tensors.values()) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
    offset += values.byteLength;
  }
  return file;
}

function dtypeOf(values: SafeTensor["values"]): string {
  for (const [dtype, array] of Object.entries(DTYPES)) if (values instanceof array) return dtype;
  throw new Error("no such dtype");
}

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
  const stored = [...tensors].map(([name, { shape, values }]): StoredTensor => {
    if (shape.reduce((product, size) => product * size, 1) !== values.length) {
      throw new Error(`${name} has ${values.length} values for shape [${shape}]`);
    }
    return { name, dtype: dtypeOf(values), shape, values };
  });
  return joinTensors(stored, metadata);
}

export interface StoredTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Little-endian, as every machine that this runs on has numbers in memory. */
  readonly values: ArrayBufferView;
}

/** A file of tensors that are as the format has them, in this order. */
export function joinTensors(
  tensors: readonly StoredTensor[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const { name, dtype, shape, values } of tensors) {
    const start = end;
    end += values.byteLength;
    header[name] = { dtype, shape, data_offsets: [start, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // Readers map tensors in place, so the data starts at a multiple of 8; spaces are what the format pads with.
  const length = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + length + end).fill(0x20, 8, 8 + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(json, 8);
  let offset = 8 + length;
  for (const { values } of tensors) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
    offset += values.byteLength;
  }
  return file;
}

function dtypeOf(values: SafeTensor["values"]): string {
  for (const [dtype, array] of Object.entries(DTYPES)) if (values instanceof array) return dtype;
  throw new Error("no such dtype");
}

/** What a file of ours holds. Throws where it is cut short, or of an element type that is not ours. */
export function readSafetensors(file: Uint8Array): {
  tensors: ReadonlyMap<string, SafeTensor>;
  metadata: Readonly<Record<string, string>>;
} {
  if (file.byteLength < 8) throw new Error("the file ends before its header");
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const start = 8 + Number(view.getBigUint64(0, true));
  if (start > file.byteLength) throw new Error("the file ends before its header does");
  const { __metadata__: metadata, ...entries } = JSON.parse(new TextDecoder().decode(file.subarray(8, start)));
  const tensors = new Map<string, SafeTensor>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries<Entry>(entries)) {
    const [from, to] = data_offsets;
    if (start + to > file.byteLength) throw new Error(`the file ends before ${name} does`);
    const array = DTYPES[dtype];
    if (array === undefined) throw new Error(`${name} is of type ${dtype}`);
    // A copy, because views want offsets that are multiples of the element's size; a Buffer's slice would be none.
    const bytes = Uint8Array.from(file.subarray(start + from, start + to));
    tensors.set(name, { shape, values: new array(bytes.buffer) });
  }
  return { tensors, metadata: metadata ?? {} };
}

interface Entry {
  readonly dtype: keyof typeof DTYPES;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [from: number, to: number];
}

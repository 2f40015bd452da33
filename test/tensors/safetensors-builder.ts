/** safetensors files, right and wrong. */

/** Any header, however wrong, before any data. */
export function withHeader(header: string, data: Uint8Array = new Uint8Array()): Uint8Array {
  const json = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + json.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  file.set(data, 8 + json.length);
  return file;
}

export interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** A well-formed file, its header padded with spaces to `align` bytes as the reference writer pads it. */
export function safetensors(entries: readonly Entry[], metadata?: Record<string, string>, align = 8): Uint8Array {
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  let end = 0;
  for (const { name, dtype, shape, data } of entries) {
    header[name] = { dtype, shape, data_offsets: [end, end + data.length] };
    end += data.length;
  }
  const json = JSON.stringify(header);
  const all = new Uint8Array(end);
  let at = 0;
  for (const { data } of entries) {
    all.set(data, at);
    at += data.length;
  }
  const length = new TextEncoder().encode(json).length;
  return withHeader(json + " ".repeat((align - (length % align)) % align), all);
}

export const bytesOfArray = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

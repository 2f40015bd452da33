import { tableModel } from "./table-model.ts";

/** A table model whose file has at least `bytes` bytes: the rest is a producer's name, which stands for nothing. */
export function paddedModel(name: string, bytes: number): Uint8Array<ArrayBuffer> {
  const model = tableModel(name, { train: 0.5, validation: 0.5, "ood:shift": 0.5 });
  const padding = Buffer.alloc(Math.max(0, bytes - model.byteLength), "x");
  return Uint8Array.from(Buffer.concat([model, Buffer.from([0x32, ...varint(padding.length)]), padding]));
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

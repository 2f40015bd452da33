import type { ArtifactStore, StoredPart } from "../../src/artifacts/store.ts";

/** A store in this process's memory: what the injectors of faults stand before. Whole objects, and those in parts. */
export interface MemoryStore extends ArtifactStore {
  objects: Map<string, Uint8Array>;
  /** Parts of objects that are not joined yet, by the multipart upload's id. */
  parts: Map<string, Map<number, Uint8Array>>;
}

export function createMemoryStore(): MemoryStore {
  const objects = new Map<string, Uint8Array>();
  const parts = new Map<string, Map<number, Uint8Array>>();
  const part = (id: string) => {
    const found = parts.get(id);
    if (!found) throw new Error(`no multipart upload ${id}`);
    return found;
  };
  return {
    objects,
    parts,
    put: async (key, body) => void objects.set(key, body.slice()),
    beginParts: async (key) => {
      const id = `${key}#${parts.size}`;
      parts.set(id, new Map());
      return id;
    },
    putPart: async (_key, id, number, body) => {
      part(id).set(number, body.slice());
      return { number, etag: `${number}` };
    },
    // Nothing outside this process can reach this store: who sends a part calls `putPart`.
    presignPart: async ({ key, number }) => `memory:${key}#${number}`,
    listParts: async (_key, id) =>
      parts.has(id)
        ? [...part(id)].map(([number, body]) => ({ number, etag: `${number}`, bytes: body.byteLength }))
        : null,
    joinParts: async (key, id, joined: readonly StoredPart[]) => {
      if (!parts.has(id) && objects.has(key)) return;
      objects.set(key, Buffer.concat(joined.map(({ number }) => part(id).get(number) ?? new Uint8Array())));
      parts.delete(id);
    },
    abandonParts: async (_key, id) => void parts.delete(id),
    size: async (key) => objects.get(key)?.byteLength ?? null,
    get: async (key, range) => objects.get(key)?.slice(range?.from, range?.to) ?? null,
    open: async (key, { from, to }) => {
      const bytes = objects.get(key);
      return bytes ? new Blob([bytes.slice(from, to)]).stream() : null;
    },
    delete: async (key) => void objects.delete(key),
  };
}

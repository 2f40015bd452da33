import * as ort from "onnxruntime-web/wasm";
// Made by local/unshare-memory.mjs of the package's own file. Imported, for workerd takes WASM only as a module.
import ortModule from "../../.build/ort-unshared-memory.wasm";
import { type Snapshot, takeSnapshot } from "./snapshot.ts";

/** 80 MiB: what a 16 MB model needs, and what leaves room for JavaScript in an isolate of 128 MB. */
const MAX_HEAP_PAGES = 1280;
/** A file that exists only to be recognised: ORT insists on bytes, workerd on the compiled module. */
const SENTINEL = new Uint8Array([0, 97, 115, 109]);
/** About as small as an ONNX model can be, one Identity node: creating its session makes ORT initialise. */
const IDENTITY = Uint8Array.from(
  atob("CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCBAoAEBE="),
  (character) => character.charCodeAt(0),
);

/** ONNX Runtime in this isolate's WebAssembly memory. */
export interface Runtime {
  ort: typeof ort;
  /**
   * Puts the memory back to where it was before the first model. After an allocation that failed or a trap, ORT has
   * leaked what it held and its structures cannot be trusted: without this the next model, of whoever it is, would
   * fail too. Every session made before is gone.
   */
  restore(): void;
}

let loading: Promise<Runtime> | undefined;

/**
 * Loaded once per isolate: a second concurrent initialisation throws, and one that failed stays failed, so every
 * caller shares one promise. It waits for no I/O, so it cannot die with the request that began it.
 */
export function loadRuntime(): Promise<Runtime> {
  loading ??= initialise();
  return loading;
}

async function initialise(): Promise<Runtime> {
  const memory = captureMemory();
  const showWaitAsync = hideWaitAsync();
  answerSentinelWithModule();
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.proxy = false;
  ort.env.wasm.wasmBinary = SENTINEL;
  ort.env.logLevel = "error";
  const session = await ort.InferenceSession.create(IDENTITY);
  await session.release();
  showWaitAsync();
  const snapshot: Snapshot = takeSnapshot(memory());
  return { ort, restore: () => snapshot.restore() };
}

/**
 * Finds the memory that ORT makes for itself, unshares it as the module wants it, and caps it: a hostile model can make
 * ORT ask for gigabytes while it folds constants, and the cap turns that into a catchable std::bad_alloc.
 */
function captureMemory(): () => WebAssembly.Memory {
  const Original = WebAssembly.Memory;
  let own: WebAssembly.Memory | undefined;
  WebAssembly.Memory = class extends Original {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      // ORT also makes empty ones, to see what the platform can do.
      const isOwn = descriptor.initial > 0;
      const maximum = Math.min(descriptor.maximum ?? MAX_HEAP_PAGES, MAX_HEAP_PAGES);
      super(isOwn ? { initial: descriptor.initial, maximum } : descriptor);
      if (isOwn) own = this;
    }
  };
  return () => {
    WebAssembly.Memory = Original;
    if (!own) throw new Error("ONNX Runtime made no memory of its own");
    return own;
  };
}

/** ORT's threads leave each other mail in shared memory, and wait for it where the platform can: there is one thread. */
function hideWaitAsync(): () => void {
  const atomics: { waitAsync?: unknown } = Atomics;
  const { waitAsync } = atomics;
  delete atomics.waitAsync;
  return () => {
    if (waitAsync !== undefined) atomics.waitAsync = waitAsync;
  };
}

/** workerd refuses to compile bytes: where ORT instantiates the sentinel, the imported module answers. */
function answerSentinelWithModule(): void {
  const original = WebAssembly.instantiate as (...args: unknown[]) => Promise<unknown>;
  const replaced = async (source: unknown, imports: unknown) => {
    if (!isSentinel(source)) return await original(source, imports);
    return { module: ortModule, instance: await original(ortModule, imports) };
  };
  WebAssembly.instantiate = replaced as typeof WebAssembly.instantiate;
}

function isSentinel(source: unknown): boolean {
  const bytes = ArrayBuffer.isView(source) ? source : source instanceof ArrayBuffer ? new Uint8Array(source) : null;
  return bytes !== null && bytes.byteLength === SENTINEL.byteLength;
}

import * as ort from "onnxruntime-web/wasm";
// By its path: the package's export map does not name the file, and workerd takes WASM only as a module.
import ortModule from "../../node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm";

/** 80 MiB: what a 16 MB model needs, and what leaves room for JavaScript in an isolate of 128 MB. */
const MAX_HEAP_PAGES = 1280;
/** A file that exists only to be recognised: ORT insists on bytes, workerd on the compiled module. */
const SENTINEL = new Uint8Array([0, 97, 115, 109]);

let loading: Promise<typeof ort> | undefined;

/**
 * ONNX Runtime, loaded once per isolate: a second concurrent initialisation throws, and one that failed stays
 * failed, so every caller shares one promise.
 */
export function loadRuntime(): Promise<typeof ort> {
  loading ??= initialise();
  return loading;
}

async function initialise(): Promise<typeof ort> {
  capWasmMemory();
  answerSentinelWithModule();
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.proxy = false;
  ort.env.wasm.wasmBinary = SENTINEL;
  ort.env.logLevel = "error";
  return ort;
}

/**
 * A hostile model can make ORT ask for gigabytes while it folds constants. Capping the memory it creates turns that
 * into a catchable std::bad_alloc.
 */
function capWasmMemory(): void {
  const Original = WebAssembly.Memory;
  WebAssembly.Memory = class extends Original {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super({ ...descriptor, maximum: Math.min(descriptor.maximum ?? MAX_HEAP_PAGES, MAX_HEAP_PAGES) });
    }
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

// Writes .build/ort-unshared-memory.wasm: ONNX Runtime's module with one bit changed, so that its memory is not shared.
// The package ships one build, for threads, whose memory is shared. Where V8 checks bounds itself, which it does in
// workerd, it must read the size of a shared memory anew before every access, for another thread may have grown it: that
// cost a sixth of the speed (docs/evaluation-benchmark.md), and we have one thread. Instructions on atomics are valid on
// unshared memory too; only waiting is not
// (https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md), and one thread has nobody to wait for.
//
// Wrangler runs this before it bundles (wrangler.toml), the tests before they import it. On whatever Node there is, so
// plain JavaScript and no dependencies.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const SHIPPED = new URL("../node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm", import.meta.url);
const UNSHARED = new URL("../.build/ort-unshared-memory.wasm", import.meta.url);

const IMPORT_SECTION = 2;
const FUNCTION = 0;
const MEMORY = 2;
const SHARED = 2;

const module = readFileSync(SHIPPED);
module[flagsOfImportedMemory(module)] &= ~SHARED;
// Others may be at it too, and read what is there already.
if (!existsSync(UNSHARED) || !readFileSync(UNSHARED).equals(module)) {
  mkdirSync(new URL(".", UNSHARED), { recursive: true });
  const scratch = new URL(`${UNSHARED}.${process.pid}`);
  writeFileSync(scratch, module);
  renameSync(scratch, UNSHARED);
}

/**
 * Where a module says of which kind its one imported memory is (https://webassembly.github.io/spec/core/binary/).
 * @param {Uint8Array} module
 * @returns {number} an offset in bytes
 */
function flagsOfImportedMemory(module) {
  let at = 8;
  const u32 = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = module[at++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  };
  while (at < module.length) {
    const id = module[at++];
    const end = u32() + at;
    if (id !== IMPORT_SECTION) {
      at = end;
      continue;
    }
    for (let left = u32(); left > 0; left--) {
      // Its module's name, then its own.
      for (let names = 2; names > 0; names--) {
        const length = u32();
        at += length;
      }
      const kind = module[at++];
      if (kind === MEMORY) {
        if (module[at] & SHARED) return at;
        throw new Error("ONNX Runtime's memory is not shared any more: nothing is to be done here");
      }
      // All else that it imports.
      if (kind !== FUNCTION) throw new Error(`ONNX Runtime imports something of kind ${kind}, which is not known here`);
      u32();
    }
  }
  throw new Error("ONNX Runtime imports no memory");
}

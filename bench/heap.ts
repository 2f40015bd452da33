import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { WebSocket } from "ws";

const EVERY_MS = 20;

/** An isolate's memory as V8's inspector tells it, in bytes: heap and array buffers together. */
export interface HeapWatch {
  /**
   * After a forced collection, which comes when the Worker has something to do: `wake` gives it that, where nothing else
   * will.
   */
  collected(wake?: () => Promise<unknown>): Promise<number>;
  /** The most that was seen while the work went on. */
  highest(work: () => Promise<unknown>): Promise<number>;
  /** All its WebAssembly memories, which are not among the array buffers where they can be shared, and never shrink. */
  wasm(): Promise<number>;
  close(): void;
}

interface HeapUsage {
  usedSize: number;
  backingStorageSize: number;
}

interface InspectorMessage {
  id?: number;
  result?: unknown;
  params?: { context?: { id: number } };
}

/** Prototypes of subclasses are found too, and have no buffer. */
const SUM_OF_MEMORIES = `function () {
  const size = (memory) => { try { return memory.buffer.byteLength; } catch { return 0; } };
  return this.reduce((sum, memory) => sum + size(memory), 0);
}`;

interface RemoteObject {
  objectId?: string;
  value?: unknown;
}

/** Watches the Worker of the name that its service has in workerd's configuration. */
export async function watchHeap(port: number, service = "worker"): Promise<HeapWatch> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/${service}`);
  await once(socket, "open");
  const waiting = new Map<number, (result: unknown) => void>();
  let contextId: number | undefined;
  socket.on("message", (data) => {
    const { id, result, params } = JSON.parse(String(data)) as InspectorMessage;
    if (params?.context) contextId = params.context.id;
    if (id !== undefined) waiting.get(id)?.(result);
    if (id !== undefined) waiting.delete(id);
  });
  let last = 0;
  const call = (method: string, params = {}): Promise<unknown> => {
    last += 1;
    const id = last;
    socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve) => waiting.set(id, resolve));
  };
  const remote = async (method: string, params: object) =>
    ((await call(method, params)) as { result: RemoteObject }).result;
  const used = async () => {
    const usage = (await call("Runtime.getHeapUsage")) as HeapUsage;
    return usage.usedSize + usage.backingStorageSize;
  };
  return {
    async collected(wake = async () => {}) {
      await Promise.all([call("HeapProfiler.collectGarbage"), wake()]);
      return await used();
    },
    async highest(work) {
      let going = true;
      const working = work().finally(() => {
        going = false;
      });
      let most = 0;
      while (going) {
        most = Math.max(most, await used());
        await pause(EVERY_MS);
      }
      await working;
      return most;
    },
    async wasm() {
      // It says which contexts there are; the inspector of a Worker has none by default.
      await call("Runtime.enable");
      const prototype = await remote("Runtime.evaluate", { expression: "WebAssembly.Memory.prototype", contextId });
      const { objects } = (await call("Runtime.queryObjects", { prototypeObjectId: prototype.objectId })) as {
        objects: RemoteObject;
      };
      const sum = await remote("Runtime.callFunctionOn", {
        objectId: objects.objectId,
        returnByValue: true,
        functionDeclaration: SUM_OF_MEMORIES,
      });
      return Number(sum.value);
    },
    close: () => socket.close(),
  };
}

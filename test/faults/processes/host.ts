// A stack in a process of its own, which can be killed: queues and bridge die with it, and both Workers.
import { startStack } from "../../../local/stack.ts";
import type { WorkerName } from "./kills.ts";

/** From the host, and to it; a question is answered under its number. */
export type FromHost =
  | { ready: string }
  | { log: string }
  | { killed: number; pid: number | null }
  | { asked: number; of: WorkerName; when: "before" | "after" };
export type ToHost = { kill: WorkerName; number: number } | { answered: number };

/** Nobody may be listening any more. */
const tell = (message: FromHost) => void process.send?.(message, undefined, undefined, () => {});
const asked = new Map<number, () => void>();
const stack = await startStack({
  ...JSON.parse(process.argv[2] ?? "{}"),
  log: (log) => tell({ log }),
  async onSend(worker, when) {
    const number = asked.size;
    const answer = new Promise<void>((resolve) => asked.set(number, resolve));
    tell({ asked: number, of: worker.endsWith("-evaluator") ? "evaluator" : "api", when });
    await answer;
  },
});
process.on("message", (message: ToHost) => {
  if ("answered" in message) asked.get(message.answered)?.();
  else {
    const pid = stack.pids()[message.kill];
    if (pid !== null) process.kill(pid, "SIGKILL");
    tell({ killed: message.number, pid });
  }
});
process.on("disconnect", () => void stack.close());
tell({ ready: stack.url });

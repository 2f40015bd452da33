import { type Received, startListener } from "./listener.ts";

export interface Receiver {
  url: string;
  received: Received[];
  /** By path, status codes of the next answers; afterwards it is 204 again. */
  answers: Map<string, number[]>;
  close(): Promise<void>;
}

/** A webhook's other end whose answers are status codes. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const answers = new Map<string, number[]>();
  const { url, close } = await startListener((one, response) => {
    received.push(one);
    const status = answers.get(one.path)?.shift() ?? 204;
    response.writeHead(status, status === 302 ? { location: "/elsewhere" } : {}).end();
  });
  return { url: url("/hook"), received, answers, close };
}

// Who is killed, and at which of its calls to the world outside.

export type WorkerName = "api" | "evaluator";
/** What a Worker calls: `post` is the sending of a webhook, which the API's Worker alone does. */
export type Call = "statement" | "commit" | "store" | "send" | "post";

export interface Kill {
  /** Whose calls are counted. */
  of: WorkerName;
  /** `host`: the process that holds the queues and both Workers, which die with it. */
  victim: WorkerName | "host";
  call: Call;
  /** At its nth call of the kind from now on, from 0. */
  nth: number;
  /** Before the call has its effect, or once it has and nobody has heard. */
  when: "before" | "after";
}

export const sayKill = ({ of, victim, call, nth, when }: Kill): string =>
  `kill -9 ${victim === of ? victim : `${victim},`} ${when} ${victim === of ? "its" : `${of}'s`} ${call} ${nth}`;

/** The kills that are still to come, in the order in which they were planned. */
export class Kills {
  #waiting: { kill: Kill; left: number }[] = [];

  plan(kill: Kill): void {
    this.#waiting.push({ kill, left: kill.nth });
  }

  /** Counts a call of a Worker. Returns who is to be killed at it, if anybody is. */
  meet(of: WorkerName, calls: readonly Call[]): Kill | null {
    const counted = this.#waiting.filter(({ kill }) => kill.of === of && calls.includes(kill.call));
    const due = counted.find(({ left }) => left === 0);
    for (const one of counted) one.left -= 1;
    // Two at once: the second is past.
    this.#waiting = this.#waiting.filter(({ left }) => left >= 0);
    return due?.kill ?? null;
  }

  forget(): void {
    this.#waiting = [];
  }
}

/** Rows that are scored before the first look at the clock. */
const FIRST_ROWS = 256;
/** How long it should take from one look to the next, roughly. */
const LOOK_MS = 250;

/**
 * How long a message has worked, and so how many rows are scored before the clock is looked at again. What a row costs
 * cannot be told from a file: a convolution uses a weight once or ten thousand times.
 */
export class Pace {
  rows = FIRST_ROWS;
  readonly #now: () => Date;
  readonly #end: number;
  #looked: number;

  constructor(now: () => Date, milliseconds: number) {
    this.#now = now;
    this.#looked = now().getTime();
    this.#end = this.#looked + milliseconds;
  }

  /** Whether the message's time is over. */
  async isOver(): Promise<boolean> {
    // The platform's clock stands still while a Worker computes: it moves when something from outside comes in.
    await new Promise((resolve) => setTimeout(resolve, 0));
    const time = this.#now().getTime();
    const took = time - this.#looked;
    this.#looked = time;
    if (took < LOOK_MS / 4) this.rows *= 4;
    else if (took > LOOK_MS * 4) this.rows = Math.max(1, this.rows >> 2);
    return time >= this.#end;
  }
}

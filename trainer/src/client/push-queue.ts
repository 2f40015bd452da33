/** Sends items in order, a few at a time, while their maker goes on. */
export class PushQueue<Item> {
  readonly #push: (item: Item) => Promise<void>;
  readonly #inFlight: number;
  readonly #room: number;
  readonly #waiting: Item[] = [];
  #running = 0;
  #failure: { error: unknown } | null = null;
  #changed = Promise.withResolvers<void>();

  /** At most `inFlight` pushes run and `room` items wait; beyond that `add` holds its caller back. */
  constructor(push: (item: Item) => Promise<void>, { inFlight = 3, room = 32 } = {}) {
    this.#push = push;
    this.#inFlight = inFlight;
    this.#room = room;
  }

  /** Resolves as soon as there is room. Throws the first failure of any push: later items are not worth making. */
  async add(item: Item): Promise<void> {
    this.#waiting.push(item);
    this.#start();
    await this.#until(() => this.#waiting.length <= this.#room);
  }

  /** Throws the first failure of any push, between two calls of `add`. */
  check(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Resolves when everything has arrived. */
  async drain(): Promise<void> {
    await this.#until(() => this.#waiting.length === 0 && this.#running === 0);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (this.#failure === null && !condition()) await this.#changed.promise;
    this.check();
  }

  #start(): void {
    while (this.#failure === null && this.#running < this.#inFlight) {
      const item = this.#waiting.shift();
      if (item === undefined) return;
      this.#running += 1;
      void this.#run(item);
    }
  }

  async #run(item: Item): Promise<void> {
    try {
      await this.#push(item);
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#running -= 1;
    this.#start();
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

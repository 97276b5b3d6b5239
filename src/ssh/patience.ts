/** A bound on how long something may take that stands still while a person is asked. */
export class Patience {
  /** Resolves when the time is up. */
  readonly expired: Promise<void>;
  readonly message: string;
  readonly #expire: () => void;
  #left: number;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;
  #held = 0;

  constructor(ms: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.expired = promise;
    this.#expire = resolve;
    this.message = `no answer within ${ms / 1000} s`;
    this.#left = ms;
    this.#run();
  }

  /** Passes on what `work` yields; the time that it takes does not count. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#held += 1;
    if (this.#held === 1) this.#stop();
    try {
      return await work;
    } finally {
      this.#held -= 1;
      if (this.#held === 0) this.#run();
    }
  }

  /** It no longer matters. */
  end(): void {
    clearTimeout(this.#timer);
    this.#held = Number.POSITIVE_INFINITY;
  }

  #run(): void {
    this.#since = performance.now();
    this.#timer = setTimeout(this.#expire, this.#left);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#left -= performance.now() - this.#since;
  }
}

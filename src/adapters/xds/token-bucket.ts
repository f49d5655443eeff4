/** Lets so much through per second, and a burst on top after a quiet time. No clock: times come in as arguments. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #level: number;
  #atMs: number;

  constructor({ perSecond, burst }: { readonly perSecond: number; readonly burst: number }, nowMs: number) {
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#level = burst;
    this.#atMs = nowMs;
  }

  /** Takes what something costs; `false`: there is not enough, and nothing is taken. */
  take(cost: number, nowMs: number): boolean {
    this.#level = Math.min(this.#burst, this.#level + Math.max(0, nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
    if (this.#level < cost) return false;
    this.#level -= cost;
    return true;
  }
}

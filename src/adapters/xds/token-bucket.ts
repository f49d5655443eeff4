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
    this.#fill(nowMs);
    if (this.#level < cost) return false;
    this.#level -= cost;
    return true;
  }

  /** Takes what something did cost, also when there is not enough: then that is owed. */
  spend(cost: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#level -= cost;
  }

  /** Until nothing is owed any more, ms. */
  owesForMs(nowMs: number): number {
    this.#fill(nowMs);
    return Math.max(0, -this.#level) / this.#perMs;
  }

  #fill(nowMs: number): void {
    this.#level = Math.min(this.#burst, this.#level + Math.max(0, nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
  }
}

import { follows, type KeptCommit, keptSize } from './kept-commit.ts';

export interface TailLimits {
  readonly bytes: number;
  readonly commits: number;
}

/** Own commits that are ahead of what was read: so many wait for those before them. */
const MAX_EARLY = 256;

/** The last commits of a store, each linked to the one before it, up to a bound. */
export class CommitTail {
  private readonly limits: TailLimits;
  private onKept: (commit: KeptCommit) => void = () => {};
  private kept: KeptCommit[] = [];
  /** So many of the first ones are no longer kept. */
  private gone = 0;
  private bytes = 0;
  private readonly early = new Map<number, KeptCommit>();

  /** @param before what the process before has kept, of which nobody is told again */
  constructor(limits: TailLimits, onKept: (commit: KeptCommit) => void = () => {}, before: readonly KeptCommit[] = []) {
    this.limits = limits;
    for (const commit of before) this.next(commit);
    this.onKept = onKept;
  }

  /** Oldest first. */
  commits(): readonly KeptCommit[] {
    return this.kept.slice(this.gone);
  }

  /** Of what is kept, bytes. */
  size(): number {
    return this.bytes;
  }

  last(): KeptCommit | null {
    return this.kept.at(-1) ?? null;
  }

  /** Would it add nothing to the tail? */
  isBehind({ epoch, n }: Pick<KeptCommit, 'epoch' | 'n'>): boolean {
    const last = this.last();
    return last !== null && epoch === last.epoch && n <= last.n;
  }

  /** One of this process, which it knows before it reads it from the store, or in spite of never doing so. */
  own(commit: KeptCommit): void {
    const last = this.last();
    if (last !== null && follows(last, commit)) this.add(commit);
    else if (last === null || isAhead(last, commit)) {
      this.early.set(commit.n, commit);
      for (const n of this.early.keys()) if (this.early.size > MAX_EARLY) this.early.delete(n);
    }
    this.addEarly();
  }

  /**
   * The next one of the store. Behind a gap or in another epoch a new tail begins. What contradicts the tail is left
   * out: the store is not what it was, and the tail may be all that there is of what it lost.
   */
  next(commit: KeptCommit): void {
    const last = this.last();
    if (last === null || last.epoch !== commit.epoch || commit.n > last.n + 1) {
      this.kept = [];
      this.gone = 0;
      this.bytes = 0;
      this.add(commit);
    } else if (follows(last, commit)) this.add(commit);
    this.addEarly();
  }

  private add(commit: KeptCommit): void {
    this.kept.push(commit);
    this.bytes += keptSize(commit);
    // The newest stays, whatever its size.
    while (this.isOver() && this.kept.length - this.gone > 1) {
      const oldest = this.kept[this.gone];
      this.bytes -= oldest === undefined ? 0 : keptSize(oldest);
      this.gone += 1;
    }
    // Seldom, since it moves all the others.
    if (this.gone > this.kept.length / 2) {
      this.kept.splice(0, this.gone);
      this.gone = 0;
    }
    this.onKept(commit);
  }

  private isOver(): boolean {
    return this.bytes > this.limits.bytes || this.kept.length - this.gone > this.limits.commits;
  }

  private addEarly(): void {
    for (let last = this.last(); last !== null; last = this.last()) {
      const next = this.early.get(last.n + 1);
      if (next === undefined) return;
      this.early.delete(next.n);
      if (follows(last, next)) this.add(next);
    }
  }
}

function isAhead(last: KeptCommit, { epoch, n }: KeptCommit): boolean {
  return epoch !== last.epoch || n > last.n + 1;
}

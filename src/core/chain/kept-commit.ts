import { createHash } from 'node:crypto';

/** One commit as the store took it, and its link in the chain of all of them: enough to write it again. */
export interface KeptCommit {
  readonly epoch: string;
  readonly n: number;
  /** The hash of the commit before it. */
  readonly prev: string;
  readonly hash: string;
  /** Random: two commits that say the same are still two. */
  readonly nonce: string;
  /** By the store's clock, in whole microseconds. */
  readonly atUs: string;
  /** What the store added by itself, revs and ids of events. */
  readonly outcome: string;
  /** What was to be written, in the store's own format. */
  readonly content: Uint8Array;
}

/** Is it the very next one? */
export function follows(last: KeptCommit, { epoch, n, prev }: KeptCommit): boolean {
  return epoch === last.epoch && n === last.n + 1 && prev === last.hash;
}

/** What a link must hash to, given what it says. */
export function linkHash(link: Omit<KeptCommit, 'hash' | 'epoch'>): string {
  const { prev, n, nonce, atUs, outcome, content } = link;
  return sha1(`${prev} ${n} ${nonce} ${atUs} ${outcome} ${contentHash(content)}`);
}

/** By itself, so that the store, which all wait for, has only this to hash. */
export function contentHash(content: Uint8Array): string {
  return sha1(content);
}

function sha1(what: string | Uint8Array): string {
  return createHash('sha1').update(what).digest('hex');
}

/** Bytes that it takes, about: what it says, and the rest of it. */
export function keptSize({ content, outcome }: KeptCommit): number {
  return content.byteLength + outcome.length + 250;
}

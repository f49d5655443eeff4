import { type KeptCommit, linkHash } from '../../src/core/chain/kept-commit.ts';

/** A chain of commits that say what they are told, from number `from` on, after `before`. */
export function chain(words: readonly string[], from = 1, before = '', epoch = 'e1'): KeptCommit[] {
  let prev = before;
  return words.map((word, i) => {
    const link = { n: from + i, prev, nonce: `nonce-${word}`, atUs: '5', outcome: '1|', content: Buffer.from(word) };
    const commit = { ...link, epoch, hash: linkHash(link) };
    prev = commit.hash;
    return commit;
  });
}

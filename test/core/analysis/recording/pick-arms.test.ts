import { describe, expect, it } from 'vitest';
import { pickArms } from '../../../../src/core/analysis/recording/pick-arms.ts';

const V40 = 'shop--v40-00000040';
const V41 = 'shop--v41-00000041';
const V42 = 'shop--v4-2-00000042';
const V43 = 'shop--v43-00000043';
const rows = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts).flatMap(([cluster, requests]) => [
    { cluster, proxy: 'a', requests: requests / 2 },
    { cluster, proxy: 'b', requests: requests / 2 },
  ]);
const pick = (
  before: Readonly<Record<string, number>>,
  during: Readonly<Record<string, number>>,
  named: { readonly stable?: string; readonly canary?: string } = {},
) => {
  const { stable = null, canary = null } = named;
  const picked = pickArms('shop', { before: rows(before), during: rows(during) }, { stable, canary });
  return picked.kind === 'ok' ? picked.value : picked.errors[0]?.message;
};

describe('stable and canary of a release', () => {
  it.each([
    ['stable had the requests before', { [V41]: 900 }, { [V41]: 800, [V42]: 100 }, {}],
    ['what is kept warm without requests is neither', { [V41]: 900, [V40]: 0 }, { [V40]: 0, [V41]: 8, [V42]: 1 }, {}],
    ['testers have clusters of their own', { [V41]: 9 }, { [V41]: 8, [`${V42}--pin`]: 5, [V42]: 1 }, {}],
    ['a release may have ended just before', { [V40]: 3, [V41]: 6 }, { [V41]: 8, [V42]: 1 }, {}],
    ['they may be named', {}, { [V41]: 8, [V42]: 1, [V43]: 2 }, { stable: V41, canary: V42 }],
    ['also by their revision', { [V41]: 9 }, { [V41]: 8, [V42]: 1, [V43]: 2 }, { canary: 'v4.2' }],
    ['a named canary is not stable, though it had more', { [V42]: 9, [V41]: 2 }, { [V41]: 8 }, { canary: V42 }],
  ])('%s', (_, before, during, named) => {
    expect(pick(before, during, named)).toEqual({ stable: V41, canary: V42 });
  });

  it.each([
    ['nothing at all', {}, {}, {}, 'knows no cluster of backend shop'],
    ['nothing before', {}, { [V41]: 8, [V42]: 1 }, {}, `before --from: ${V42}, ${V41}`],
    ['no other cluster', { [V41]: 9 }, { [V41]: 9, [V42]: 0 }, {}, `but ${V41} had requests`],
    ['several others', { [V41]: 9 }, { [V41]: 9, [V42]: 1, [V43]: 1 }, {}, `several clusters of backend shop`],
    ['an unknown name', { [V41]: 9 }, { [V42]: 1 }, { canary: 'v9' }, `nothing is known of "v9": ${V42}, ${V41}`],
    ['a name cut short', { [V41]: 9 }, { [V42]: 1 }, { canary: 'v4' }, `nothing is known of "v4"`],
    ['the same twice', { [V41]: 9 }, { [V41]: 1 }, { stable: V41, canary: V41 }, 'are both'],
    [
      'a revision with two clusters',
      { [V41]: 9 },
      { [V42]: 1, 'shop--v4-2-00000043': 1 },
      { canary: 'v4.2' },
      'several clusters are called "v4.2"',
    ],
  ])('are asked for where there is %s', (_, before, during, named, message) => {
    expect(pick(before, during, named)).toContain(message);
  });
});

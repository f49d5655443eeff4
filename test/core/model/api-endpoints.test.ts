import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressesOf,
  addressText,
  MAX_API_ADDRESSES,
  MAX_API_REVISIONS,
  readAddresses,
  withEndpoints,
} from '../../../src/core/model/api-endpoints.ts';
import { type BackendState, freshBackend } from '../../../src/core/model/backend-state.ts';

describe('endpoints as they are told', () => {
  it.each(['checkout:80', '10.0.0.1', '10.0.0.1:0', '10.0.0.300:80', '::1:80', ''])('%j is none', (text) => {
    expect(readAddresses([text])).toMatchObject({ errors: [{ code: 'SERIN_REQUEST_INVALID' }] });
  });

  it('are the same in any order, and read again as they were written', () => {
    const some = ['10.0.0.2:80', '[2001:db8::1]:81', '10.0.0.1:80', '10.0.0.2:80'];
    const [one, other] = [readAddresses(some), readAddresses(some.toReversed())];
    expect(one).toEqual(other);
    const texts = one.kind === 'ok' ? one.value.map(addressText) : [];
    expect(texts).toEqual(['10.0.0.1:80', '10.0.0.2:80', '[2001:db8::1]:81']);
    expect(readAddresses(texts)).toEqual(one);
  });
});

describe('whatever is told, in any order', () => {
  const told = fc.array(
    fc.record({ revision: fc.integer({ min: 0, max: 30 }), count: fc.constantFrom(0, 1, 40, 400, 1_000) }),
    { maxLength: 60 },
  );
  const used = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 4 });

  it('the bounds hold, what is in use is kept, and the rev grows with each change', () => {
    fc.assert(
      fc.property(told, used, (all, inUse) => {
        const names = new Set(inUse.map((n) => `v${n}`));
        const kept = new Map<string, number>();
        let state: BackendState = freshBackend('checkout');
        for (const [atMs, { revision, count }] of all.entries()) {
          const addresses = Array.from({ length: count }, (_, i) => ({ host: `10.0.${i >> 8}.${i & 255}`, port: 80 }));
          const next = withEndpoints(state, { revision: `v${revision}`, addresses, by: 'ci', atMs }, names);
          if (next.kind === 'error') continue;
          expect(next.value.endpoints?.rev).toBe((state.endpoints?.rev ?? 0) + 1);
          state = next.value;
          if (names.has(`v${revision}`)) kept.set(`v${revision}`, count);
          expect(addressesOf(state, `v${revision}`)).toHaveLength(count);
          for (const [name, many] of kept) expect(addressesOf(state, name)).toHaveLength(many);
          const revisions = state.endpoints?.revisions ?? [];
          expect(revisions.length).toBeLessThanOrEqual(MAX_API_REVISIONS);
          const total = revisions.reduce((sum, one) => sum + one.addresses.length, 0);
          expect(total).toBeLessThanOrEqual(MAX_API_ADDRESSES);
        }
      }),
      { numRuns: 50 },
    );
  });
});

import { describe, expect, it } from 'vitest';
import {
  capabilitiesOfPlan,
  firstLack,
  lackSummary,
  requiredCapabilities,
} from '../../../src/core/fleet/capabilities.ts';
import type { RouteSpec } from '../../../src/core/model/documents.ts';
import type { StickySpec } from '../../../src/core/model/sticky.ts';
import { node, planSpec, planStep } from '../../support/rollouts.ts';

function routes(path: 'PathPrefix' | 'Exact', value: string): readonly RouteSpec[] {
  const matches = [{ path: { type: path, value }, headers: [], queryParams: [] }];
  return [{ fleet: 'edge', hostnames: [], rules: [{ name: 'r', matches, backend: 'shop', timeoutMs: 1_000 }] }];
}

describe('what an Envoy must be able to do', () => {
  it('prefixes of whole path elements need 1.22; the prefix / and exact paths need nothing', () => {
    expect(requiredCapabilities(routes('PathPrefix', '/shop')).map(({ since }) => since)).toEqual([[1, 22]]);
    expect(requiredCapabilities(routes('PathPrefix', '/'))).toEqual([]);
    expect(requiredCapabilities(routes('Exact', '/shop'))).toEqual([]);
  });

  it('arms by hash need 1.36; a cookie that Serin issues needs nothing', () => {
    const plan = (sticky: StickySpec) => planSpec({ strategy: { name: 'any', steps: [planStep({ sticky })] } });
    const hash = { by: 'hash', key: { by: 'header', name: 'x-user' } } as const;
    expect(capabilitiesOfPlan(plan(hash)).map(({ since }) => since)).toEqual([[1, 36]]);
    expect(capabilitiesOfPlan(plan({ by: 'cookie' }))).toEqual([]);
  });

  it('the oldest node that lacks something is named with the version that is needed', () => {
    const required = requiredCapabilities(routes('PathPrefix', '/shop'));
    const nodes = [
      node('new', { envoyVersion: '1.40.0' }),
      node('older', { envoyVersion: '1.9.1' }),
      node('old', { envoyVersion: '1.21.6' }),
    ];
    const lack = firstLack(nodes, required);
    expect(lack === null ? '' : lackSummary(lack)).toBe(
      'Envoy older runs 1.9.1; PathPrefix (prefixes of whole path elements) needs 1.22 or newer',
    );
  });

  it('nothing is lacking where versions suffice, are unknown, or cannot be read', () => {
    const required = requiredCapabilities(routes('PathPrefix', '/shop'));
    for (const envoyVersion of ['1.22.0', '2.0.0', null, 'dev', '1']) {
      expect(firstLack([node('a', { envoyVersion })], required)).toBeNull();
    }
    expect(firstLack([], required)).toBeNull();
  });
});

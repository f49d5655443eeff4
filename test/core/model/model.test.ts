import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutRevision } from '../../../src/core/model/cut-revision.ts';
import type { BackendSpec } from '../../../src/core/model/documents.ts';
import { durationInWords, formatDuration, parseDuration } from '../../../src/core/model/duration.ts';
import { parseHostPort } from '../../../src/core/model/host-port.ts';
import { didYouMean } from '../../../src/core/model/suggest.ts';

const spec: BackendSpec = {
  protocol: 'http1',
  connectTimeoutMs: 1_000,
  healthCheck: null,
  endpoints: null,
  initial: null,
};

it('a revision that is nowhere is refused by the name of its backend, since several may be asked for at once', () => {
  const cut = cutRevision({ backend: 'cart', spec, revision: 'v2', endpoints: null });
  expect(cut).toMatchObject({
    kind: 'error',
    errors: [
      {
        ...{
          code: 'SERIN_REQUEST_INVALID',
          message: 'neither backend cart nor the request says where revision v2 runs',
        },
        hint: expect.stringContaining('cart=host:port'),
      },
    ],
  });
});

describe('durations', () => {
  it.each(['', '5', '5 m', 'm', '-5m', '1y', '1h banana', '1.5h', '5M', '9'.repeat(20)])('"%s" is none', (text) => {
    expect(parseDuration(text)).toBeNull();
  });

  it('come back as they were written', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 10 ** 11 }), (ms) => parseDuration(formatDuration(ms)) === ms));
  });

  it.each([
    [0, '0 seconds'],
    [250, '250 milliseconds'],
    [90_000, '1 minute 30 seconds'],
    [176_400_000, '2 days 1 hour'],
  ])('%d ms are said as %s', (ms, words) => {
    expect(durationInWords(ms)).toBe(words);
  });
});

describe('host and port', () => {
  it.each([
    '',
    'a',
    'a:',
    ':80',
    'a:0',
    'a:65536',
    '10.0.0.300:80',
    '2001:db8::1:80',
    '[::1',
    '[gg::]:80',
    '-a:80',
    'a..b:80',
    'a b:80',
    '1.2.3:80',
  ])('"%s" is none', (text) => {
    expect(parseHostPort(text)).toBeNull();
  });

  it.each(['10.0.0.1:80', '[::1]:80', '[2001:db8::1]:65535', 'a:1', 'svc.default.svc:8080'])('"%s" is one', (text) => {
    expect(parseHostPort(text)).not.toBeNull();
  });
});

describe('a revision', () => {
  const cut = (revision: string, endpoints: string[] | null, more: Partial<BackendSpec> = {}) =>
    cutRevision({ backend: 'checkout', spec: { ...spec, ...more }, revision, endpoints });

  it.each([
    ['no endpoints at all', cut('v1', null)],
    ['a bad name', cut('v 1', ['10.0.0.1:80'])],
    ['a bad endpoint', cut('v1', ['nowhere'])],
    ['names and addresses mixed', cut('v1', ['10.0.0.1:80', 'a.b:80'])],
    ['two names', cut('v1', ['a.b:80', 'c.d:80'])],
    [
      'a name that makes no DNS name',
      cut('v_1', null, { endpoints: { kind: 'dns', host: '{{ revision }}.svc', port: 80 } }),
    ],
  ])('is not cut from %s', (_name, outcome) => {
    expect(outcome.kind).toBe('error');
  });

  it('keeps the name that it had before there were more settings, and gets another one by them', () => {
    const names = [
      cut('v1', ['10.0.0.1:80']),
      cut('v1', ['10.0.0.1:80'], { upstream: { circuitBreaker: { requests: 1 } } }),
    ];
    const [before, after] = names.map((one) => (one.kind === 'ok' ? one.value.cluster : ''));
    expect(before).toBe('checkout--v1-e8ce7368');
    expect(after).not.toBe(before);
  });

  it('may be a cluster of the Envoys, by a name without a dot', () => {
    const own = cut('v1.2', null, { endpoints: { kind: 'cluster', name: 'shop-{{ revision }}' } });
    expect(own).toMatchObject({ value: { cluster: 'shop-v1-2', endpoints: { kind: 'cluster', name: 'shop-v1-2' } } });
  });

  it('is the same for the same content in any order, another for any other', () => {
    const one = cut('v1', ['10.0.0.1:80', '10.0.0.2:80']);
    expect(cut('v1', ['10.0.0.2:80', '10.0.0.1:80', '10.0.0.1:80'])).toEqual(one);
    const keys = [
      one,
      cut('v2', ['10.0.0.1:80', '10.0.0.2:80']),
      cut('v1', ['10.0.0.1:81']),
      cut('v1', ['10.0.0.1:80', '10.0.0.2:80'], { protocol: 'http2' }),
    ];
    expect(new Set(keys.map((outcome) => outcome.kind === 'ok' && outcome.value.cluster)).size).toBe(4);
  });

  it('has a cluster name that Envoy keeps whole in its statistics', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/), (name) => {
        const outcome = cut(name, ['10.0.0.1:80']);
        expect(outcome.kind === 'ok' && outcome.value.cluster).toMatch(/^checkout--[A-Za-z0-9_-]+-[0-9a-f]{8}$/);
      }),
    );
  });

  it('names that differ only in what a cluster name cannot hold still get clusters of their own', () => {
    const [a, b] = [cut('v1.2', ['10.0.0.1:80']), cut('v1-2', ['10.0.0.1:80'])];
    expect(a.kind === 'ok' && b.kind === 'ok' && a.value.cluster !== b.value.cluster).toBe(true);
  });
});

describe('suggestions', () => {
  it('suggest the nearest word or nothing', () => {
    expect(didYouMean('wieght', ['weight', 'hold'])).toContain('weight');
    expect(didYouMean('zzz', ['weight', 'hold'])).toBe('');
  });
});

import { describe, expect, it } from 'vitest';
import { BackendGrammar } from '../../../src/core/manifest/backend-grammar.ts';

function complaints(spec: object): string {
  const parsed = BackendGrammar.safeParse(spec);
  return parsed.success
    ? ''
    : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n');
}

describe('what is refused of a backend', () => {
  const ca = { file: '/ca.pem' };

  it.each([
    [
      'a secret in the document',
      { tls: { ca: { file: '-----BEGIN CERTIFICATE-----' } } },
      'tls.ca.file: expected an absolute',
    ],
    ['hosts that nobody verifies, unsaid', { tls: { sni: 'a.b' } }, 'tls: expected ca'],
    ['any certificate of a signer', { tls: { ca } }, 'tls: expected sni or names'],
    ['a signer where nothing is verified', { tls: { ca, verify: false } }, 'nothing is verified'],
    ['a key without its certificate', { tls: { ca, sni: 'a.b', certificate: { key: '/k' } } }, 'either chain and key'],
    ['a slow start that the policy has not', { loadBalancing: { policy: 'maglev', slowStart: '5s' } }, 'no slow start'],
    ['two health checks at once', { healthCheck: { path: '/', tcp: true } }, 'one of path, grpc and tcp'],
    ['a health check of nothing', { healthCheck: {} }, 'one of path, grpc and tcp'],
    ['a circuit that is always open', { circuitBreaker: { requests: 0 } }, 'at least 1'],
    ['a cluster whose name breaks statistics', { endpoints: { cluster: 'a.b' } }, 'expected the name of a cluster'],
    [
      'settings for a cluster that has its own',
      { endpoints: { cluster: 'a' }, healthCheck: { tcp: true } },
      'healthCheck: a cluster of the Envoys has its own settings',
    ],
    ['endpoints of two kinds', { endpoints: { cluster: 'a', dns: 'b:1' } }, 'one of dns, static, cluster and api'],
    ['endpoints by the API and others', { endpoints: { api: {}, dns: 'b:1' } }, 'one of dns, static, cluster and api'],
    ['endpoints by the API with some', { endpoints: { api: { static: ['10.0.0.1:80'] } } }, 'unknown key'],
  ])('%s', (_, spec, expected) => {
    expect(complaints(spec)).toContain(expected);
  });
});

it('what is not said is not there, so that a revision keeps its name from one version of Serin to the next', () => {
  expect(BackendGrammar.parse({})).not.toHaveProperty('upstream');
  expect(BackendGrammar.parse({ healthCheck: { path: '/h' } }).healthCheck).not.toHaveProperty('tcp');
});

it('the name that is asked for is the one that has to stand in the certificate', () => {
  const { upstream } = BackendGrammar.parse({ tls: { sni: 'a.b', ca: { sds: 'ca' } } });
  expect(upstream).toEqual({ tls: { sni: 'a.b', ca: { sds: 'ca' }, names: ['a.b'] } });
});

import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/platform/config.ts';

const parse = (redis: string, env: Readonly<Record<string, string>> = {}) =>
  parseConfig({ file: 'serin.yaml', text: `redis: ${redis}\n`, env, needRedis: true });

function good(redis: string, env: Readonly<Record<string, string>> = {}) {
  const parsed = parse(redis, env);
  if (parsed.kind === 'error') throw new Error(JSON.stringify(parsed.errors));
  return parsed.value.redis;
}

const plain = { username: null, password: null, database: 0, tls: null };

describe('a Redis of several servers', () => {
  it('is found through sentinels, which have a user of their own', () => {
    const text =
      '{ sentinel: { primary: serin, nodes: ["10.0.0.1:26379", "[::1]:26379"], username: watch, password: "${env:S}" },' +
      ' username: serin, password: "${env:P}", database: 3, tls: {} }';
    expect(good(text, { S: 'of sentinels', P: 'of data' })).toEqual({
      at: {
        kind: 'sentinel',
        primary: 'serin',
        nodes: [
          { host: '10.0.0.1', port: 26_379 },
          { host: '::1', port: 26_379 },
        ],
        username: 'watch',
        password: 'of sentinels',
      },
      username: 'serin',
      password: 'of data',
      database: 3,
      tls: { ca: null, certificate: null, privateKey: null },
      waitForReplicas: 1,
    });
  });

  it('is found through some nodes of a cluster', () => {
    expect(good('{ cluster: { nodes: ["redis-1.internal:6379"] }, waitForReplicas: 0 }')).toEqual({
      ...plain,
      at: { kind: 'cluster', nodes: [{ host: 'redis-1.internal', port: 6379 }] },
      waitForReplicas: 0,
    });
  });

  it('is another one where the environment says so', () => {
    const env = { SERIN_REDIS_URL: 'redis://elsewhere' };
    expect(good('{ cluster: { nodes: ["r:6379"] } }', env)?.at).toEqual({ kind: 'url', url: env.SERIN_REDIS_URL });
  });

  it.each([
    ['two ways', '{ url: "redis://r", cluster: { nodes: ["r:1"] } }', /one of url, sentinel and cluster/],
    ['no way', '{ username: serin }', /serve needs a Redis/],
    ['a node without a port', '{ cluster: { nodes: [r] } }', /expected host:port/],
    ['no node', '{ sentinel: { primary: serin, nodes: [] } }', /at least one node/],
    ['no name of the primary', '{ sentinel: { nodes: ["r:1"] } }', /expected text/],
    ['a database in a cluster', '{ cluster: { nodes: ["r:1"] }, database: 1 }', /a cluster has one database/],
    ['a user beside a URL', '{ url: "redis://r", username: serin }', /it stands in the URL/],
    ['a password in the file', '{ cluster: { nodes: ["r:1"] }, password: abc }', /a secret never stands in the file/],
    [
      'a certificate without its key',
      '{ cluster: { nodes: ["r:1"] }, tls: { certificate: package.json } }',
      /a certificate needs its private key/,
    ],
    [
      'an authority that cannot be read',
      '{ cluster: { nodes: ["r:1"] }, tls: { ca: /nowhere/ca.pem } }',
      /cannot be read/,
    ],
  ])('is refused with %s', (_what, text, words) => {
    const parsed = parse(text);
    expect(parsed).toMatchObject({ kind: 'error' });
    if (parsed.kind === 'error') expect(parsed.errors.map(({ message }) => message).join()).toMatch(words);
    if (parsed.kind === 'error') expect(parsed.errors[0]?.code).toBe('SERIN_CONFIG_INVALID');
  });
});

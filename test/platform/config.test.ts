import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SerinError } from '../../src/core/model/errors.ts';
import { formatError } from '../../src/core/model/format-error.ts';
import { type Config, isLoopback, parseConfig } from '../../src/platform/config.ts';

const SECRET = 'hunter2';
type Env = Readonly<Record<string, string | undefined>>;

function parse(text: string | null, env: Env = {}, needRedis = false) {
  return parseConfig({ file: 'serin.yaml', text, env, needRedis });
}

function good(text: string | null, env: Env = {}): Config {
  const parsed = parse(text, env);
  if (parsed.kind === 'error') throw new Error(parsed.errors.map(formatError).join('\n'));
  return parsed.value;
}

function errorsOf(text: string | null, env: Env = {}, needRedis = false): readonly SerinError[] {
  const parsed = parse(text, env, needRedis);
  return parsed.kind === 'error' ? parsed.errors : [];
}

const LIMITS = {
  maxStreams: 20_000,
  maxStreamsPerConnection: 8,
  maxResourceNames: 10_000,
  newStreamBurst: 4_000,
  newStreamsPerSecond: 1_000,
  requestBurst: 1_000,
  requestsPerSecond: 200,
  maxConnectionAgeMs: 36_000_000,
  raiseBytesPerSecond: 67_108_864,
};

describe('a configuration', () => {
  it('needs nothing at all', () => {
    expect(good(null)).toEqual({
      roles: ['api', 'scheduler', 'xds'],
      redis: null,
      prometheus: null,
      http: { host: '127.0.0.1', port: 7070 },
      xds: { host: '127.0.0.1', port: 18_000, tls: null, allowRawEnvoy: false, limits: LIMITS },
      fleets: [{ name: 'edge', match: { cluster: 'edge' }, nodeFrom: 'id', listeners: [], filters: [], metrics: null }],
      notifiers: [],
      hooks: [],
      tokens: [],
      retireAfterMs: 86_400_000,
      disconnectGraceMs: 30_000,
      retention: { rolloutAgeMs: 7_776_000_000, rollouts: 10_000, auditAgeMs: 31_536_000_000, auditEntries: 100_000 },
      dataFolder: null,
      logLevel: 'info',
    });
  });

  it('is read to its last key', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'serin-config-'));
    try {
      for (const name of ['ca', 'cert', 'key', 'clients', 'sign'])
        await writeFile(join(folder, name), `${name} of a file\n`);
      const text = `
roles: [xds, api]
redis: { url: "\${env:REDIS}", tls: { ca: ${folder}/ca } }
prometheus: { url: "https://prometheus:9090/base", bearerToken: "\${env:TOKEN}", timeout: 1s500ms }
http: { host: 0.0.0.0, port: 80 }
xds:
  host: "::"
  port: 443
  tls: { certificate: ${folder}/cert, privateKey: ${folder}/key, clientCa: ${folder}/clients }
  allowRawEnvoy: true
  limits: { maxStreams: 50, maxConnectionAge: 1h }
fleets:
  - name: edge
    match: { cluster: front, metadata: { role: gateway } }
    listeners: [{ name: in, address: 10.0.0.1, port: 8080 }]
    metrics: { selector: { job: envoy }, nodeLabel: node, nodeFrom: metadata.pod.name, scrapeInterval: 5s }
  - { name: mesh }
  - { name: bare, metrics: {} }
notifiers:
  - { name: deploys, url: "https://hooks.example.com/x" }
  - { name: audit, type: generic, url: "\${env:HOOK}", secret: "file:${folder}/sign" }
hooks:
  - { name: load-test, url: "\${env:HOOK}", headers: { Authorization: "\${env:TOKEN}", x-team: shop }, secret: "file:${folder}/sign" }
  - { name: smoke, url: "http://smoke/check" }
auth: { tokens: [{ name: ci, sha256: ${'ab'.repeat(32)} }] }
timing: { retireAfter: 1h30m, disconnectGrace: 0s }
retention: { rolloutAge: 30d, rollouts: 500, auditAge: 40d, auditEntries: 2000 }
data: { folder: /var/lib/serin }
log: { level: debug }
`;
      const hook = `https://hooks.example.com/${SECRET}`;
      expect(good(text, { REDIS: `rediss://:${SECRET}@r:6379`, TOKEN: SECRET, HOOK: hook })).toEqual({
        roles: ['api', 'xds'],
        redis: {
          at: { kind: 'url', url: `rediss://:${SECRET}@r:6379` },
          ...{ username: null, password: null, database: 0, waitForReplicas: 0 },
          tls: { ca: { file: `${folder}/ca`, pem: 'ca of a file' }, certificate: null, privateKey: null },
        },
        prometheus: { url: 'https://prometheus:9090/base', bearerToken: SECRET, timeoutMs: 1_500 },
        http: { host: '0.0.0.0', port: 80 },
        xds: {
          host: '::',
          port: 443,
          tls: {
            certificate: { file: `${folder}/cert`, pem: 'cert of a file' },
            privateKey: { file: `${folder}/key`, pem: 'key of a file' },
            ca: { file: `${folder}/clients`, pem: 'clients of a file' },
          },
          allowRawEnvoy: true,
          limits: { ...LIMITS, maxStreams: 50, maxConnectionAgeMs: 3_600_000 },
        },
        fleets: [
          {
            name: 'edge',
            match: { cluster: 'front', metadata: { role: 'gateway' } },
            nodeFrom: 'metadata.pod.name',
            listeners: [{ listener: 'in', address: '10.0.0.1', port: 8080 }],
            filters: ['cors', 'fault', 'local-rate-limit'],
            metrics: { selector: { job: 'envoy' }, nodeLabel: 'node', scrapeIntervalMs: 5_000 },
          },
          { name: 'mesh', match: { cluster: 'mesh' }, nodeFrom: 'id', listeners: [], filters: [], metrics: null },
          {
            name: 'bare',
            match: { cluster: 'bare' },
            nodeFrom: 'id',
            listeners: [],
            filters: [],
            metrics: { selector: {}, nodeLabel: 'instance', scrapeIntervalMs: 15_000 },
          },
        ],
        notifiers: [
          { name: 'deploys', format: 'slack', url: 'https://hooks.example.com/x', secret: null },
          { name: 'audit', format: 'generic', url: hook, secret: 'sign of a file' },
        ],
        hooks: [
          {
            ...{ name: 'load-test', url: hook, secret: 'sign of a file' },
            headers: { Authorization: SECRET, 'x-team': 'shop' },
          },
          { name: 'smoke', url: 'http://smoke/check', headers: {}, secret: null },
        ],
        tokens: [{ name: 'ci', sha256: 'ab'.repeat(32) }],
        retireAfterMs: 5_400_000,
        disconnectGraceMs: 0,
        retention: { rolloutAgeMs: 2_592_000_000, rollouts: 500, auditAgeMs: 3_456_000_000, auditEntries: 2_000 },
        dataFolder: '/var/lib/serin',
        logLevel: 'debug',
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('as shipped is valid, and is one for serve', () => {
    const parsed = parse(readFileSync('deploy/serin.yaml', 'utf8'), { SERIN_REDIS: 'redis://r:6379' }, true);
    expect(parsed).toMatchObject({ kind: 'ok', value: { redis: { at: { url: 'redis://r:6379' } } } });
  });

  it('has metrics only where there is a Prometheus', () => {
    expect(good('fleets: [{ name: edge, metrics: {} }]').fleets[0]?.metrics).toBeNull();
  });
});

describe('a mistake is told at its place', () => {
  it.each([
    ['an unknown key', 'htpp: { port: 1 }', '1:1', 'unknown key "htpp". Did you mean "http"?'],
    ['an unknown key below', 'http:\n  prot: 1', '2:3', 'unknown key "prot". Did you mean "port"?'],
    ['a list for a mapping', 'http: []', '1:7', 'expected a mapping with host, port'],
    ['nothing for a mapping', 'http:', '1:1', 'expected a mapping with host, port'],
    ['text for everything', 'serin', '1:1', 'expected a mapping with redis, prometheus'],
    ['text for a port', 'http: { port: "7070" }', '1:15', 'expected a port'],
    ['a port above all', 'xds: { port: 65536 }', '1:14', 'expected a port'],
    ['a port below all', 'xds: { port: -1 }', '1:14', 'expected a port'],
    ['half a port', 'xds: { port: 1.5 }', '1:14', 'expected a port'],
    ['an empty host', 'http: { host: "" }', '1:15', 'expected text'],
    ['a number for a duration', 'timing: { retireAfter: 90 }', '1:24', 'write "90s" or "90m"'],
    ['words for a duration', 'timing: { retireAfter: a day }', '1:24', 'expected a duration like 30s or 1h30m'],
    ['a duration that is too short', 'timing: { retireAfter: 10ms }', '1:24', 'from 1s to 30d'],
    ['a duration that is too long', 'timing: { disconnectGrace: 2h }', '1:28', 'from 0s to 1h'],
    ['a URL without a scheme', 'prometheus: { url: "prometheus:9090" }', '1:20', 'expected an http:// or https:// URL'],
    ['a URL that is none', 'prometheus: { url: "http://[::1" }', '1:20', 'expected an http:// or https:// URL'],
    ['a URL with half a variable', 'prometheus: { url: "http://p/${env:X}" }', '1:20', 'expected an http:// or'],
    ['a Prometheus without a URL', 'prometheus: { timeout: 1s }', '1:13', 'expected text'],
    ['a Redis that is a number', 'redis: { url: 6379 }', '1:15', 'expected a redis:// URL'],
    ['a Redis with half a variable', 'redis: { url: "redis://:${env:X}@r" }', '1:15', 'expected a redis:// URL'],
    ['an unknown level', 'log: { level: inof }', '1:15', 'Did you mean "info"?'],
    ['an unknown format', 'notifiers: [{ name: a, type: slak, url: "http://a" }]', '1:30', 'Did you mean "slack"?'],
    ['a notifier without a URL', 'notifiers: [{ name: a, url: slack }]', '1:29', 'expected a URL, ${env:NAME}'],
    ['a hook without a URL', 'hooks: [{ name: a, url: load-test }]', '1:25', 'expected a URL, ${env:NAME}'],
    [
      'a password of a hook in the open',
      'hooks: [{ name: a, url: "http://a", headers: { Authorization: Bearer } }]',
      '1:63',
      'never stands in',
    ],
    [
      'a password of a hook in the open, by another of its names',
      'hooks: [{ name: a, url: "http://a", headers: { X-Auth: Bearer } }]',
      '1:56',
      'never stands in',
    ],
    [
      'a header that Serin says itself',
      'hooks: [{ name: a, url: "http://a", headers: { Idempotency-Key: a } }]',
      '1:65',
      'Serin says this header itself',
    ],
    ['a secret in the open', `prometheus: { url: "http://p", bearerToken: ${SECRET} }`, '1:45', 'never stands in'],
    ['a token in the open', `auth: { tokens: [{ name: ci, sha256: ${SECRET} }] }`, '1:38', 'expected 64 hex digits'],
    ['a fleet without a name', 'fleets: [{ match: { cluster: a } }]', '1:10', 'expected a name'],
    ['a fleet with a bad name', 'fleets: [{ name: "a b" }]', '1:18', 'expected letters, digits'],
    ['no fleets', 'fleets: []', '1:9', 'fleets: '],
    ['one fleet for a list', 'fleets: { name: edge }', '1:9', 'expected a list of fleets'],
    ['a bad label', 'fleets: [{ name: a, metrics: { nodeLabel: a-b } }]', '1:43', 'expected a label name'],
    [
      'two listeners on one port',
      'fleets: [{ name: a, listeners: [{ name: x, address: 127.0.0.1, port: 1 }, { name: y, address: 127.0.0.1, port: 1 }] }]',
      '1:75',
      'two listeners of the fleet have one name or one port',
    ],
    [
      'a listener on every address and one on one of them',
      'fleets: [{ name: a, listeners: [{ name: x, address: 0.0.0.0, port: 1 }, { name: y, address: 127.0.0.1, port: 1 }] }]',
      '1:73',
      'two listeners of the fleet have one name or one port',
    ],
    [
      'a listener on a name',
      'fleets: [{ name: a, listeners: [{ name: x, address: localhost, port: 1 }] }]',
      '1:53',
      'expected an IP address',
    ],
    ['a bad node', 'fleets: [{ name: a, metrics: { nodeFrom: pod } }]', '1:42', 'expected id or metadata.<path>'],
    ['yes for true', 'xds: { allowPlaintext: yes }', '1:24', 'boolean'],
    ['half of TLS', 'xds: { tls: { certificate: a, privateKey: b } }', '1:13', 'expected text'],
  ])('%s', (_, text, place, said) => {
    const errors = errorsOf(text);
    expect(errors).toHaveLength(1);
    const line = errors.map(formatError).join('\n');
    expect(line).toContain(`serin.yaml:${place}: SERIN_CONFIG_INVALID`);
    expect(line).toContain(said);
    expect(line).not.toContain(SECRET);
  });

  it('together with all others', () => {
    const places = errorsOf('http: { port: x }\nlog: { level: x }\nfleets: 1\n').map(({ place }) => place?.line);
    expect(places.toSorted()).toEqual([1, 2, 3]);
  });

  it.each([
    ['an alias', 'http: &a { port: 1 }\nxds: *a\n', 'SERIN_YAML_REFUSED'],
    ['a key that stands twice', 'http: { port: 1 }\nhttp: { port: 2 }\n', 'SERIN_YAML_REFUSED'],
    ['a prototype', '__proto__: { a: 1 }\n', 'SERIN_YAML_REFUSED'],
    ['no YAML', 'http: [\n', 'SERIN_YAML_SYNTAX'],
    ['900 brackets', `fleets: ${'['.repeat(900)}${']'.repeat(900)}`, 'SERIN_YAML_TOO_LARGE'],
    ['10 MB', `# ${'x'.repeat(10 * 1024 * 1024)}\n`, 'SERIN_YAML_TOO_LARGE'],
    ['comments only', '# redis:\n', 'SERIN_CONFIG_INVALID'],
    ['nothing', '', 'SERIN_CONFIG_INVALID'],
  ])('of the YAML itself: %s', (_, text, code) => {
    expect(errorsOf(text)[0]).toMatchObject({ code, place: { file: 'serin.yaml', line: expect.any(Number) } });
  });

  it('when a second document would be ignored', () => {
    expect(errorsOf('log: { level: debug }\n---\nhttp: { port: 80 }\n')).toMatchObject([
      { code: 'SERIN_CONFIG_INVALID', place: { line: 3, column: 1 }, message: expect.stringContaining('one YAML') },
    ]);
  });

  it.each([
    ['fleets', 'fleets:\n  - { name: edge }\n  - { name: mesh }\n  - { name: edge }\n', 4],
    ['notifiers', 'notifiers:\n  - { name: edge, url: "http://a" }\n  - { name: edge, url: "http://b" }\n', 3],
    ['hooks', 'hooks:\n  - { name: edge, url: "http://a" }\n  - { name: edge, url: "http://b" }\n', 3],
  ])('when two %s have one name', (key, text, line) => {
    expect(errorsOf(text)).toMatchObject([{ message: `two ${key} have the name edge`, place: { line, column: 13 } }]);
  });
});

describe('secrets', () => {
  const NOTIFIER = 'notifiers:\n  - { name: a, url: "${env:HOOK}" }\n';

  it.each([
    ['redis:\n  url: ${env:REDIS}\n', 'redis.url', 2],
    ['prometheus: { url: "http://p", bearerToken: "${env:REDIS}" }\n', 'prometheus.bearerToken', 1],
    ['notifiers:\n  - { name: a, url: "http://a", secret: "file:/none" }\n', 'notifiers[0].secret', 2],
    ['redis: { url: a, tls: { ca: /none } }\n', 'redis.tls.ca', 1],
    ['xds:\n  tls: { certificate: /none, privateKey: /dev/null, clientCa: package.json }\n', 'xds.tls.certificate', 2],
  ])('that are not there are told with their place: %j', (text, path, line) => {
    for (const env of [{}, { REDIS: '' }]) {
      const [first] = errorsOf(text, env);
      expect(first).toMatchObject({
        code: 'SERIN_CONFIG_INVALID',
        path,
        place: { file: 'serin.yaml', line },
        message: expect.stringContaining('is not set or cannot be read'),
      });
    }
  });

  it('that are no URL where one belongs are refused, unseen', () => {
    for (const HOOK of [SECRET, `hooks.example.com/${SECRET}`, `ftp://${SECRET}`]) {
      const [error] = errorsOf(NOTIFIER, { HOOK });
      expect(error).toMatchObject({ path: 'notifiers[0].url', place: { line: 2, column: 21 } });
      expect(JSON.stringify(error)).not.toContain(SECRET);
    }
  });

  it('that no header can hold are refused, unseen', () => {
    const text = 'hooks:\n  - { name: a, url: "http://a", headers: { x-key: "${env:HOOK}" } }\n';
    const [error] = errorsOf(text, { HOOK: `${SECRET}\nx: y` });
    expect(error).toMatchObject({ path: 'hooks[0].headers.x-key', place: { line: 2 } });
    expect(JSON.stringify(error)).not.toContain(SECRET);
  });

  it('are in no error, whatever else is wrong', () => {
    const text = `${NOTIFIER}redis: { url: "\${env:REDIS}" }\nhttp: { host: 0.0.0.0 }\nxds: { host: 0.0.0.0 }\n`;
    const env = { HOOK: `http://${SECRET}`, REDIS: `redis://:${SECRET}@r`, SERIN_HTTP_PORT: SECRET };
    const errors = errorsOf(text, env);
    expect(errors).toHaveLength(3);
    expect(JSON.stringify(errors)).not.toContain(SECRET);
  });
});

describe('loopback', () => {
  it.each(['localhost', '127.0.0.1', '127.1.2.3', '::1', '[::1]'])('is %s', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(['0.0.0.0', '::', '10.0.0.1', 'example.com', '127.0.0.1.example.com', 'localhost.example.com', ''])(
    'is not %j',
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});

describe('the roles of a replica', () => {
  const text = 'roles: [scheduler]\n';

  it('of the command line win', () => {
    const parsed = parseConfig({ file: 'serin.yaml', text, env: {}, needRedis: false, roles: ['xds'] });
    expect(parsed).toMatchObject({ value: { roles: ['xds'] } });
    expect(good(text).roles).toEqual(['scheduler']);
  });

  it.each(['roles: []', 'roles: [leader]', 'roles: api'])('%s is refused', (wrong) => {
    expect(errorsOf(wrong).map(({ code }) => code)).toEqual(['SERIN_CONFIG_INVALID']);
  });

  it('without xds it listens for no Envoy, so nothing is open there', () => {
    const open = 'xds: { host: 0.0.0.0 }\n';
    expect(errorsOf(open)).toHaveLength(1);
    expect(errorsOf(`roles: [api]\n${open}`)).toEqual([]);
  });
});

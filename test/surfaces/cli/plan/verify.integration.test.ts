import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { askEnvoy } from '../../../../src/envoy-resources.ts';
import { binaryPath } from '../../../support/binaries.ts';
import { commandLine } from '../../../support/command-line.ts';

const documents = (strategy: string, backend = '') => `apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec:
  fleet: edge
  hostnames: [shop.example.com]
  rules:
    - name: checkout
      matches: [{ path: { value: /checkout } }]
      backend: shop
      rateLimit: { requests: 10, per: 1s }
    - { name: old, matches: [{ path: { type: RegularExpression, value: "/v[0-9]+/.*" } }], redirect: { status: 308, host: new.example.com } }
    - { name: all, backends: [{ name: shop, weight: 90 }, { name: fixed, weight: 10 }] }
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: shop }
spec:
  endpoints: { dns: "shop-{{ revision }}.internal:8080" }
  initial: { revision: v41, endpoints: { static: ["192.0.2.6:8080"] } }
  healthCheck: { path: /healthz }
${backend}---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: fixed }
spec: { endpoints: { cluster: one-of-the-envoys }, initial: v1 }
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: shop }
spec: { backend: shop, strategy: { use: ${strategy} } }
`;

const verify = (text: string, ...args: readonly string[]) =>
  commandLine('', { readStdin: () => text, askEnvoy }).run(
    ...['plan', 'compile', '-', '--verify', '--envoy', binaryPath('envoy'), ...args],
  );

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'serin-verified-'));
  // What is left behind is looked for where no other test leaves anything.
  vi.stubEnv('TMPDIR', folder);
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const strategies = readdirSync('strategies').map((file) => {
  return /^metadata: \{ name: (\S+) \}$/m.exec(readFileSync(join('strategies', file), 'utf8'))?.[1] ?? file;
});

describe('a real Envoy', () => {
  it.each(strategies)('takes every step of %s', async (strategy) => {
    const { code, stdout, stderr } = await verify(documents(strategy));
    expect([code, stderr]).toEqual([0, '']);
    const answers = stdout
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(/ {2,}/)[2]);
    expect(answers.length).toBeGreaterThanOrEqual(2);
    expect(new Set(answers)).toEqual(new Set(['ok']));
    expect(readdirSync(folder)).toEqual([]);
  });

  it('takes secrets that only it has', async () => {
    const tls = '  tls: { sni: shop.internal, ca: { sds: mesh-ca }, certificate: { sds: mesh-own } }\n';
    const { code, stderr } = await verify(documents('canary', tls), '--step', '1');
    expect([code, stderr]).toEqual([0, '']);
  });

  it('refuses a cluster whose file is not there, in its own words', async () => {
    const tls = '  tls: { sni: shop.internal, ca: { file: /no/such/ca.pem } }\n';
    const { code, stdout, stderr } = await verify(documents('canary', tls), '--step', '1');
    expect(code).toBe(2);
    expect(stdout).toMatch(/^1 \(\S+\) +edge +refused/m);
    expect(stderr).toMatch(/^SERIN_ENVOY_REJECTED step 1 \(\S+\), fleet edge: .*\/no\/such\/ca\.pem/);
    expect(stderr).not.toContain('serin-verify-');
  });

  it.each([
    ['routes', '/v[0-9]+/.*', '(', /missing \)/],
    ['endpoints', '192.0.2.6', 'no-address', /malformed IP address/],
    ['limits of a filter', '"fillInterval":"1s"', '"fillInterval":"0.001s"', /fill timer/],
    [
      'clusters that a route names, where Serin does not make all of them',
      '"name":"one-of-the-envoys"',
      '"name":"gone"',
      /one-of-the-envoys/,
    ],
  ])('sees what is wrong in %s', async (_, sound, wrong, reason) => {
    const planted: typeof askEnvoy = (bootstrap, how) => {
      const text = JSON.stringify(bootstrap);
      // The last one is what the Envoy has by itself, behind the route that names it.
      const at = text.lastIndexOf(sound);
      expect(at).toBeGreaterThan(0);
      return askEnvoy(JSON.parse(text.slice(0, at) + wrong + text.slice(at + sound.length)) as object, how);
    };
    const envoy = binaryPath('envoy');
    const run = commandLine('', { readStdin: () => documents('canary'), askEnvoy: planted });
    const { code, stderr } = await run.run('plan', 'compile', '-', '--verify', '--envoy', envoy, '--step', '1');
    expect([code, stderr]).toEqual([2, expect.stringMatching(reason)]);
  });
});

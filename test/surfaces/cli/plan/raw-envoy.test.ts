import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine } from '../../../support/command-line.ts';

const documents = (rule: string, cluster: string) => `apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec:
  fleet: edge
  hostnames: [shop.example.com]
  rules:
    - { name: checkout, matches: [{ path: { value: /checkout } }], backend: shop${rule} }
    - { name: rest, backend: shop }
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: shop }
spec: { endpoints: { static: ["192.0.2.7:8080"] }, initial: { revision: v41, endpoints: { static: ["192.0.2.6:8080"] } }${cluster} }
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: shop }
spec: { backend: shop, strategy: { steps: [{ weight: 5, matches: [{ headers: [{ name: x-tester, value: "1" }] }] }] } }
`;
const HEDGED = ', rawEnvoy: { route: { hedge_policy: { hedge_on_per_try_timeout: true } } }';
const KEPT_ALIVE = ', rawEnvoy: { upstream_connection_options: { tcp_keepalive: { keepalive_time: 60 } } }';
const PATCHED = documents(HEDGED, KEPT_ALIVE);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'serin-raw-'));
  writeFileSync(join(folder, 'plain.yaml'), documents('', ''));
  writeFileSync(join(folder, 'patched.yaml'), PATCHED);
  writeFileSync(join(folder, 'off.yaml'), 'xds: { port: 18000 }\n');
  writeFileSync(join(folder, 'on.yaml'), 'xds: { allowRawEnvoy: true }\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: readonly string[]) => commandLine('', { readStdin: () => PATCHED }).run(...args);

describe('serin plan validate of documents with words of Envoy', () => {
  it.each([[[]], [['-c', 'off.yaml']]])('refuses them with %j, and names the switch', async (config) => {
    const args = config.map((arg) => (arg.endsWith('.yaml') ? join(folder, arg) : arg));
    const { code, stderr } = await run('plan', 'validate', '-', ...args);
    expect(code).toBe(7);
    expect(stderr).toContain(
      '-:8:83: SERIN_RAW_ENVOY_OFF spec.rules[0].rawEnvoy: rawEnvoy is switched off: the operator has to say xds.allowRawEnvoy: true in serin.yaml',
    );
  });

  it('takes them where serin.yaml does', async () => {
    expect(await run('plan', 'validate', '-', '-c', join(folder, 'on.yaml'))).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('serin plan lint of documents with words of Envoy', () => {
  it('refuses them where the serin.yaml that it is given does', async () => {
    const { code, stdout } = await run('plan', 'lint', '-', '-c', join(folder, 'off.yaml'));
    expect(code).toBe(2);
    expect(stdout).toContain('-:8:83: error SERIN_RAW_ENVOY_OFF spec.rules[0].rawEnvoy');
  });

  it.each([[[]], [['-c', 'on.yaml']]])('has nothing against them with %j', async (config) => {
    const args = config.map((arg) => (arg.endsWith('.yaml') ? join(folder, arg) : arg));
    expect((await run('plan', 'lint', '-', ...args)).stdout).not.toContain('SERIN_RAW_ENVOY_OFF');
  });
});

describe('what is patched is marked', () => {
  it('by serin plan compile: clusters, those of pinned requests too, and routes, pins too', async () => {
    const { code, stdout } = await run('plan', 'compile', '-', '--revision', 'v42');
    expect(code).toBe(0);
    const lines = stdout.split('\n').filter((line) => line.includes('is patched by'));
    expect(lines.map((line) => line.replaceAll(/-[0-9a-f]{8}/g, '-HASH'))).toEqual([
      'cluster shop--v41-HASH is patched by rawEnvoy of Backend shop, revision v41',
      'cluster shop--v42-HASH is patched by rawEnvoy of Backend shop, revision v42',
      'cluster shop--v42-HASH--pin is patched by rawEnvoy of Backend shop, revision v42',
      'route checkout-0 is patched by rawEnvoy of Route shop, rule checkout',
      'route checkout-0-pin-0 is patched by rawEnvoy of Route shop, rule checkout',
    ]);
  });

  it('by serin plan compile for scripts, beside the resources', async () => {
    const { stdout } = await run('plan', 'compile', '-', '-o', 'json', '--step', 'promoted');
    expect(JSON.parse(stdout)).toMatchObject({
      patched: expect.arrayContaining([
        { kind: 'route', name: 'checkout-0', host: 'shop', by: 'rawEnvoy of Route shop, rule checkout' },
      ]),
    });
  });

  it('by serin plan diff, in the diff itself', async () => {
    const args = ['plan', 'diff', join(folder, 'plain.yaml'), join(folder, 'patched.yaml'), '--resources'];
    const { stdout } = await run(...args);
    expect(stdout).toContain('+              "# patched by": "rawEnvoy of Route shop, rule checkout",');
    expect(stdout).toContain('+      "# patched by": "rawEnvoy of Backend shop, revision v41",');
    expect(stdout).toMatch(/\+ +"hedgeOnPerTryTimeout": true/);
  });

  it('by serin route explain, for a request that comes by', async () => {
    const { stdout } = await run('route', 'explain', '-f', '-', '--request', 'shop.example.com/checkout');
    expect(stdout.replaceAll(/-[0-9a-f]{8}/g, '-HASH')).toContain(
      'Patched: cluster shop--v41-HASH is patched by rawEnvoy of Backend shop, revision v41; what the patch does was not looked at.\n' +
        'Patched: route checkout-0 is patched by rawEnvoy of Route shop, rule checkout; what the patch does was not looked at.\n',
    );
    const other = await run('route', 'explain', '-f', '-', '--request', 'shop.example.com/other');
    expect(other.stdout).not.toContain('Route shop, rule');
  });
});

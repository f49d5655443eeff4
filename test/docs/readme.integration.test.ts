import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/platform/config.ts';
import { serin } from '../support/cli.ts';
import { type EnvoyProcess, envoyProcess } from '../support/envoy-process.ts';
import { type Undo, undoAll } from '../support/installation.ts';
import { answers, freePort, startProcess, waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';
import { startUpstream } from '../support/upstream.ts';

/** The blocks of the README, in its order: documents, scrape configuration, serin.yaml, judged plan. */
const [shop = '', , serinYaml = '', judgedPlan = ''] = [
  ...readFileSync('README.md', 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g),
].map(([, block = '']) => block);

const undo: Undo[] = [];
let envoy: EnvoyProcess;
let target: { readonly server: string; readonly program: readonly string[] };
let folder: string;
let addresses: readonly [string, string];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serin-readme-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const [http, xds] = [await freePort(), await freePort()];
  const [v1, v2] = [await startUpstream('v1'), await startUpstream('v2')];
  undo.push(
    () => v1.close(),
    () => v2.close(),
  );
  addresses = [v1.address, v2.address];
  await writeFile(join(folder, 'serin.yaml'), `http: { port: ${http} }\nxds: { port: ${xds} }\n`);
  target = { server: `http://127.0.0.1:${http}`, program: PROGRAM };
  const engine = await startProcess({
    command: process.execPath,
    args: [...PROGRAM, 'dev', '--config', join(folder, 'serin.yaml'), '--data', join(folder, 'store')],
    ready: () => answers(`${target.server}/readyz`),
  });
  undo.push(() => engine.stop());
  envoy = await envoyProcess('edge-1', 'edge', xds);
  undo.push(() => envoy.close());
  await envoy.start();
}, 40_000);
afterAll(() => undoAll(undo, () => undefined), 40_000);

function servedBy(): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(
      { host: '127.0.0.1', port: envoy.listenPort, path: '/', headers: { host: 'shop.example.com' } },
      (response) => {
        response.resume();
        resolve(`${response.statusCode} ${response.headers['x-served-by']}`);
      },
    );
    call.once('error', reject);
    call.end();
  });
}

describe('the first rollout of the README', () => {
  it('goes as written: apply, one request, a rollout to its end', async () => {
    const file = join(folder, 'shop.yaml');
    await writeFile(file, shop.replace('127.0.0.1:9001', addresses[0]).replace('hold: 15s', 'hold: 1s'));
    expect(await serin(target, ['plan', 'validate', file])).toMatchObject({ code: 0 });
    expect(await serin(target, ['apply', '-f', file])).toMatchObject({ code: 0 });
    await waitFor(async () => (await servedBy()) === '200 v1', { what: 'v1 to answer' });
    const run = await serin(target, [
      'rollout',
      'start',
      'shop',
      '--revision',
      'v2',
      '--endpoints',
      addresses[1],
      '--wait',
    ]);
    expect(run.stderr).toContain('promoted');
    expect(run.code).toBe(0);
    expect(await servedBy()).toBe('200 v2');
  }, 60_000);

  it('goes on with a configuration and a judged plan that are right', async () => {
    expect(parseConfig({ file: 'serin.yaml', text: serinYaml, env: {}, needRedis: false })).toMatchObject({
      kind: 'ok',
      value: { prometheus: { url: 'http://127.0.0.1:9090' }, fleets: [{ metrics: { nodeLabel: 'node' } }] },
    });
    const file = join(folder, 'judged.yaml');
    await writeFile(file, judgedPlan);
    expect(await serin(target, ['apply', '-f', file])).toMatchObject({ code: 0 });
  });
});

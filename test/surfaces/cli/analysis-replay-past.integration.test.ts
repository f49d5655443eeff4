import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pastMetrics } from '../../../src/metrics-source.ts';
import { commandLine } from '../../support/command-line.ts';
import { type PrometheusProcess, startPrometheus } from '../../support/prometheus-process.ts';

const SCRAPE_S = 15;
const STABLE = 'shop--v41-00000041';
const CANARY = 'shop--v42-00000042';
/** Last Tuesday, as good as. */
const startS = Math.floor(Date.now() / 1_000 / SCRAPE_S) * SCRAPE_S - 3 * 86_400;
const at = (minutes: number) => new Date((startS + minutes * 60) * 1_000).toISOString();

const plan = (backend: string) => `
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: ${backend} }
spec:
  backend: ${backend}
  strategy: { steps: [{ weight: 5, hold: 4m }, { weight: 50, hold: 4m }] }
  analysis: [{ use: error-rate }]
`;

/** 20 min of stable alone, then 5 % for 5 min, then 50 %, as two Envoys count 400 requests a scrape each. */
function release(prefix: string, badOfCanary: (n: number, i: number) => number): string[] {
  const lines: string[] = [];
  for (const proxy of [`${prefix}-1`, `${prefix}-2`]) {
    const counts = { stable: [0, 0], canary: [0, 0] };
    for (let i = 0; i < 140; i += 1) {
      const own = i < 80 ? 0 : i < 100 ? 20 : 200;
      const [canary, stable] = [counts.canary, counts.stable];
      const bad = [badOfCanary(own, i), (i % 2) * Math.round((400 - own) * 0.01)];
      canary[0] = (canary[0] ?? 0) + own - (bad[0] ?? 0);
      canary[1] = (canary[1] ?? 0) + (bad[0] ?? 0);
      stable[0] = (stable[0] ?? 0) + 400 - own - (bad[1] ?? 0);
      stable[1] = (stable[1] ?? 0) + (bad[1] ?? 0);
      const t = startS + i * SCRAPE_S;
      for (const [arm, cluster] of [
        ['stable', `${prefix}--v41-00000041`],
        ['canary', `${prefix}--v42-00000042`],
      ] as const) {
        const labels = `job="${prefix}",instance="${proxy}",envoy_cluster_name="${cluster}"`;
        const [good = 0, failed = 0] = counts[arm];
        lines.push(`envoy_cluster_upstream_rq_completed{${labels}} ${good + failed} ${t}`);
        if (good > 0) lines.push(`envoy_cluster_upstream_rq_xx{${labels},envoy_response_code_class="2"} ${good} ${t}`);
        if (failed > 0)
          lines.push(`envoy_cluster_upstream_rq_xx{${labels},envoy_response_code_class="5"} ${failed} ${t}`);
      }
      lines.push(`envoy_server_uptime{job="${prefix}",instance="${proxy}"} ${1_000 + i * SCRAPE_S} ${t}`);
    }
  }
  return lines;
}

let prometheus: PrometheusProcess;
const folder = mkdtempSync(join(tmpdir(), 'serin-past-'));
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  const healthy = release('shop', (n, i) => (i % 2) * Math.round(n * 0.01));
  const broken = release('cart', (n, i) => (i < 110 ? 0 : Math.round(n * 0.1)));
  prometheus = await startPrometheus([], '15s', `${[...healthy, ...broken, '# EOF'].join('\n')}\n`);
  writeFileSync(file('shop.yaml'), plan('shop'));
  writeFileSync(file('cart.yaml'), plan('cart'));
  writeFileSync(file('both.yaml'), `${plan('shop')}---${plan('cart')}`);
}, 30_000);

afterAll(async () => {
  await prometheus?.close();
  rmSync(folder, { recursive: true, force: true });
});

const replay = (name: string, ...more: readonly string[]) =>
  commandLine('', { pastMetrics }).run(
    ...['analysis', 'replay', '--prometheus', prometheus.url, '--plan', file(`${name}.yaml`)],
    ...['--from', at(18), '--to', at(40), ...more],
  );

describe('would it have rolled back last week’s release?', () => {
  it('yes, where the canary failed; and the recording it judged says the same again', async () => {
    const { code, stdout, stderr } = await replay('cart', '--save', file('cart.jsonl'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/rollback +error-rate: the canary is/);
    expect(stdout).toContain('outcome: rollback');
    expect(stderr).toContain('stable cart--v41-00000041, canary cart--v42-00000042, 2 Envoys');
    expect(stderr).toMatch(/^5 %: 5 % of 16000 requests went to the canary from /m);
    expect((await commandLine('').run('analysis', 'replay', file('cart.jsonl'))).stdout).toBe(stdout);
    const [header] = readFileSync(file('cart.jsonl'), 'utf8').split('\n');
    expect(JSON.parse(header ?? '')).toMatchObject({
      scrapeMs: 15_000,
      plan: { steps: [{ weight: 5 }, { weight: 50 }] },
    });
  });

  it('no, where it did not; names, fleet and weights may be given', async () => {
    const config = file('serin.yaml');
    const fleets =
      '[{ name: shop, metrics: { selector: { job: shop } } }, { name: cart, metrics: { selector: { job: cart } } }]';
    writeFileSync(config, `prometheus: { url: "http://127.0.0.1:1" }\nfleets: ${fleets}\n`);
    const found = await replay('both', '--backend', 'shop', '-c', config, '--fleet', 'shop', '-o', 'json');
    expect(found.code).toBe(0);
    const lines = found.stdout.trimEnd().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ outcome: 'promote' });
    const named = await replay(
      ...(['shop', '--selector', 'job=shop', '--stable', 'v41', '--canary', CANARY] as const),
      ...['--weights', '5,50', '-o', 'json'],
    );
    expect(named.stdout).toBe(found.stdout);
  });

  it('waits as long for slow answers as a live judge, by the Routes beside the plan or as it is told', async () => {
    const rule = (backend: string, timeout: string) => `{ backend: ${backend}, timeout: ${timeout}, name: ${backend} }`;
    const rules = `[${rule('shop', '25s')}, ${rule('cart', '50s')}]`;
    const route = `apiVersion: serin.dev/v1\nkind: Route\nmetadata: { name: all }\nspec: { fleet: edge, hostnames: [a.example.com], rules: ${rules} }\n`;
    writeFileSync(file('routed.yaml'), `${plan('shop')}---\n${route}`);
    const judged = async (name: string, ...more: readonly string[]) => {
      const ran = await replay(name, '--save', file('waits.jsonl'), ...more);
      expect(ran.code).toBe(0);
      const [header] = readFileSync(file('waits.jsonl'), 'utf8').split('\n');
      const { routeTimeoutMs } = JSON.parse(header ?? '') as { routeTimeoutMs: number };
      return { routeTimeoutMs, stderr: ran.stderr };
    };
    const unknown = await judged('shop');
    expect([unknown.routeTimeoutMs, unknown.stderr]).toEqual([0, expect.stringContaining('--route-timeout')]);
    const known = await judged('routed');
    expect([known.routeTimeoutMs, known.stderr]).toEqual([25_000, expect.stringContaining('is waited for: 25s')]);
    expect((await judged('routed', '--route-timeout', '10s')).routeTimeoutMs).toBe(10_000);
    const wrong = await replay('shop', '--route-timeout', 'soon');
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('"soon" is no duration') });
  });

  it.each([
    ['nothing of the time', 2, ['--from', '-1h', '--to', 'now'], 'Prometheus knows no cluster of backend shop'],
    ['other labels', 2, ['--selector', 'job=other'], 'Prometheus knows no cluster of backend shop'],
    ['no such revision', 2, ['--canary', 'v43'], `nothing is known of "v43": ${STABLE}, ${CANARY}`],
    ['a time too long', 2, ['--from', at(-900)], 'are too long; with a scrape every 15s it may be 8h5m'],
    ['a label that names no Envoy', 6, ['--node-label', 'pod'], 'a series has no label pod'],
    ['a label that names several', 2, ['--node-label', 'job'], 'the label must name one Envoy'],
    ['nobody there', 6, ['--prometheus', 'http://127.0.0.1:1'], 'Prometheus cannot be reached'],
  ])('says what is wrong: %s', async (_, code, options, message) => {
    const ran = await replay('shop', ...options);
    expect(ran).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) });
  });

  it('asks for the weights where they were not those of the plan', async () => {
    writeFileSync(file('other.yaml'), plan('shop').replace('weight: 5,', 'weight: 10,'));
    const ran = await replay('other');
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain('no step of the plan has such a weight');
    expect((await replay('other', '--weights', '5,50')).stdout).toContain('outcome: promote');
  });
});

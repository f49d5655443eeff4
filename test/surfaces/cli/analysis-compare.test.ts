import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { oracle } from '../../core/analysis/fixtures.ts';
import { commandLine } from '../../support/command-line.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serin-compare-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function run(judge: string, file: unknown, ...flags: string[]) {
  const path = join(folder, 'given.json');
  await writeFile(path, typeof file === 'string' ? file : JSON.stringify(file));
  return commandLine('').run('analysis', 'compare', '--judge', judge, path, ...flags);
}

async function lines(judge: string, file: unknown): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { code, stdout, stderr } = await run(judge, file, '-o', 'json');
  expect([code, stderr]).toEqual([0, '']);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

interface ArgoCase {
  readonly id: string;
  readonly limits: { readonly interval?: boolean };
  readonly measurements: readonly unknown[];
  readonly expected: { readonly phases: readonly string[]; readonly outcome: string; readonly tick: number | null };
}

describe('--judge argo', () => {
  it.each(oracle<{ sequences: ArgoCase[] }>('argo').sequences)('$id', async ({ limits, measurements, expected }) => {
    const all = await lines('argo', { limits: { interval: '1m', ...limits }, measurements });
    expect(all.slice(0, -1).map(({ phase }) => phase)).toEqual(expected.phases);
    expect(all.at(-1)).toEqual({ outcome: expected.outcome, tick: expected.tick });
  });

  it('evaluates values against both conditions', async () => {
    const all = await lines('argo', {
      limits: { count: 9, inconclusiveLimit: 9, failureLimit: 9, consecutiveErrorLimit: null },
      success: { min: 0.95 },
      failure: { max: 0.9 },
      measurements: [
        { value: 0.95 },
        { value: 0.92 },
        { value: 0.9 },
        { value: 'NaN' },
        { value: '+Inf' },
        { value: '-inf' },
        { value: [0.96, 0.97] },
        { value: [0.96, 0.1] },
        { value: [] },
        { value: null },
        { empty: true },
        { error: 'timeout' },
        { phase: 'f' },
      ],
    });
    expect(all.slice(0, -1).map(({ measurement }) => measurement)).toEqual('SIFISFSIEEEEF'.split(''));
  });

  it('takes one measurement without count and interval', async () => {
    expect(await lines('argo', { success: { max: 2 }, measurements: [{ value: 1.5 }, { value: 9 }] })).toEqual([
      { measurement: 'S', phase: 'Successful' },
      { measurement: 'F', phase: 'Successful' },
      { outcome: 'Successful', tick: 0 },
    ]);
  });

  it('tells people in a table', async () => {
    const { stdout } = await run('argo', {
      limits: { interval: true },
      measurements: [{ phase: 'S' }, { phase: 'F' }],
    });
    expect(stdout).toMatch(/1 +F +Failed/);
    expect(stdout).toContain('Failed at tick 1');
  });
});

describe('--judge flagger', () => {
  it('makes no check at the tick that leaves weight 0', async () => {
    const limits = { threshold: 2, stepWeight: 25, maxWeight: 50 };
    const measurements = [{ value: 7 }, { value: 99.9 }, { empty: true }, { value: 99 }, { value: 0 }];
    expect(await lines('flagger', { limits, success: { min: 99 }, measurements })).toEqual([
      { measurement: '-', phase: 'advance' },
      { measurement: 'P', phase: 'advance' },
      { measurement: 'F', phase: 'hold' },
      { measurement: 'P', phase: 'promote' },
      { measurement: 'F', phase: 'promote' },
      { outcome: 'promote', tick: 3 },
    ]);
  });

  it('rolls back a tick after the last failure it allows', async () => {
    const limits = { stepWeights: [5, 50] };
    const measurements = [{ value: 1 }, { value: 'NaN' }, { value: 1 }, { value: 1 }];
    expect(await lines('flagger', { limits, failure: { min: 2 }, measurements })).toEqual([
      { measurement: '-', phase: 'advance' },
      { measurement: 'F', phase: 'hold' },
      { measurement: 'P', phase: 'rollback' },
      { measurement: 'P', phase: 'rollback' },
      { outcome: 'rollback', tick: 2 },
    ]);
  });

  it('holds while nothing is decided', async () => {
    const all = await lines('flagger', { limits: { stepWeight: 10 }, measurements: [{ phase: 'P' }] });
    expect(all.at(-1)).toEqual({ outcome: 'hold', tick: null });
  });

  it('says that a ramp without steps checks nothing', async () => {
    const { code, stderr } = await run('flagger', { limits: { threshold: 5 }, measurements: [] });
    expect(code).toBe(2);
    expect(stderr).toContain('limits: expected stepWeight or stepWeights');
  });
});

describe('--judge kayenta', () => {
  const low = Array.from({ length: 50 }, (_, i) => i % 7);
  const up = low.map((value) => value + 20);
  const file = {
    config: { groupWeights: { errors: 60 }, scoreThresholds: { pass: 90 } },
    metrics: [
      { name: 'rate', groups: ['errors'], control: low, experiment: low },
      { name: 'p99', groups: ['latency'], control: low, experiment: up, direction: 'Increase' },
      { name: 'noise', muted: true, critical: true, control: low, experiment: [...up, null] },
    ],
  };

  it('prints one object', async () => {
    const [compared, ...rest] = await lines('kayenta', file);
    expect(rest).toEqual([]);
    expect(compared).toMatchObject({
      metrics: [
        { name: 'rate', classification: 'Pass', critical: false, interval: null, estimate: null, effect: 1 },
        { name: 'p99', classification: 'High', critical: false },
        { name: 'noise', classification: 'High', critical: true },
      ],
      groups: [
        { name: 'errors', score: 100, weight: 60 },
        { name: 'latency', score: 0, weight: 40 },
      ],
      score: 60,
      classification: 'Fail',
    });
  });

  it('tells people in tables', async () => {
    const { stdout } = await run('kayenta', file);
    expect(stdout).toMatch(/noise +High \(critical\)/);
    expect(stdout).toMatch(/latency +0 +40/);
    expect(stdout).toContain('Fail, score 60');
  });

  it('warns of few samples without spoiling its output', async () => {
    const { code, stdout, stderr } = await run(
      'kayenta',
      { metrics: [{ name: 'x', control: [1], experiment: [2] }] },
      '-o',
      'json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ classification: 'Fail' });
    expect(stderr).toContain('fewer than 50 samples in an arm');
  });

  const metric = { name: 'x', control: [1], experiment: [2] };
  it.each([
    ['no metrics', {}, 'metrics: expected a list of metrics'],
    ['a nameless metric', { metrics: [{ control: [], experiment: [] }] }, 'metrics[0].name: expected a name'],
    [
      'a word among numbers',
      { metrics: [{ ...metric, control: [1, 'x'] }] },
      'metrics[0].control[1]: expected a number or null',
    ],
    ['too many samples', { metrics: [{ ...metric, control: Array(20_001).fill(1) }] }, 'at most 20000 samples'],
    ['certainty', { config: { confidence: 1 }, metrics: [metric] }, 'config.confidence: expected below 1'],
    ['no outlier factor', { metrics: [{ ...metric, outlierFactor: 0 }] }, 'metrics[0].outlierFactor: expected above 0'],
    [
      'too much weight',
      { config: { groupWeights: { a: 60, b: 41 } }, metrics: [] },
      'config.groupWeights: the weights are above 100',
    ],
    [
      'an unknown effect limit',
      { metrics: [{ ...metric, effectSize: { allowedincrease: 1 } }] },
      'Did you mean "allowedIncrease"',
    ],
  ])('refuses %s', async (_what, given, words) => {
    const { code, stdout, stderr } = await run('kayenta', given, '-o', 'json');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(words);
  });
});

describe('a file that is wrong', () => {
  it.each([
    ['no JSON', '{"limits": {},\n  oops', ':2:3: SERIN_ANALYSIS_FILE_INVALID this is no JSON'],
    ['no mapping', '[]', ':1:1: SERIN_ANALYSIS_FILE_INVALID expected a mapping with limits'],
    ['no measurements', '{}', 'measurements: expected a list of measurements'],
    ['an unknown limit', { limits: { failurLimit: 1 }, measurements: [] }, 'Did you mean'],
    ['half a count', { limits: { count: 1.5 }, measurements: [] }, 'limits.count: expected a whole number'],
    ['empty limits', { success: { min: 2, max: 1 }, measurements: [] }, 'success: min is above max'],
    [
      'a word',
      '{"measurements": [\n{"value": 1},\n{"value": "high"}]}',
      ':3:11: SERIN_ANALYSIS_FILE_INVALID measurements[1].value:',
    ],
    ['nothing measured', { measurements: [{}] }, 'measurements[0]: expected one of value, empty, error, phase'],
    ['an unknown phase', { measurements: [{ phase: 'X' }] }, 'measurements[0].phase: expected one of S, F, I, E'],
    ['a number beyond all', '{"measurements": [{"value": 1e999}]}', 'measurements[0].value'],
  ])('%s', async (_what, file, words) => {
    const { code, stdout, stderr } = await run('argo', file, '-o', 'json');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(words);
  });

  it('names a few of many mistakes', async () => {
    const { stderr } = await run('argo', { measurements: Array(1_000).fill({}) });
    expect(stderr.trimEnd().split('\n')).toHaveLength(20);
  });

  it('may hold so many measurements and no more', async () => {
    const { code, stderr } = await run('argo', { measurements: Array(100_001).fill({ phase: 'S' }) });
    expect([code, stderr.includes('at most 100000 measurements')]).toEqual([2, true]);
  });

  it('is too large above 16 MiB', async () => {
    const { code, stderr } = await run('argo', ' '.repeat(16 * 1024 * 1024 + 1));
    expect([code, stderr.includes('larger than 16 MiB')]).toEqual([2, true]);
  });

  it('is missing', async () => {
    const { code, stderr } = await commandLine('').run('analysis', 'compare', '--judge', 'argo', join(folder, 'none'));
    expect([code, stderr.includes('cannot be read')]).toEqual([2, true]);
  });

  it('is judged by a judge that exists', async () => {
    const { code, stderr } = await run('spinnaker', {});
    expect([code, stderr.includes('Allowed choices')]).toEqual([2, true]);
  });
});

it('reads standard input', async () => {
  const cli = commandLine('', { readStdin: () => '{"measurements": [{"phase": "S"}]}' });
  expect((await cli.run('analysis', 'compare', '--judge', 'argo', '-', '-o', 'json')).code).toBe(0);
});

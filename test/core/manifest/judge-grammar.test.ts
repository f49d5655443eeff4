import { describe, expect, it } from 'vitest';
import { parseDocuments } from '../../../src/core/manifest/parse-documents.ts';
import { formatError } from '../../../src/core/model/format-error.ts';
import { KAYENTA_SPEC } from '../../../src/core/model/kayenta-spec.ts';
import { PlanSpecRecord } from '../../../src/core/model/stored.ts';
import { shippedStrategies } from '../../../src/platform/strategy-files.ts';

function parse(...lines: readonly string[]) {
  const read = attempt(lines);
  if (typeof read === 'string') throw new Error(read);
  return read;
}

/** The spec, or the errors. */
function attempt(lines: readonly string[]) {
  const text = `apiVersion: serin.dev/v1
kind: Plan
metadata: { name: checkout }
spec:
  backend: checkout
  strategy: { steps: [{ weight: 10 }] }
${lines.map((line) => `  ${line}\n`).join('')}`;
  const parsed = parseDocuments([{ file: 'plan.yaml', text }], { ...shippedStrategies(), stored: [] });
  if (parsed.kind === 'error') return parsed.errors.map(formatError).join('\n');
  const document = parsed.value[0]?.document;
  if (document?.kind !== 'Plan') throw new Error('no plan');
  // What comes back from the store is the same to the letter: an apply compares letters.
  const written = JSON.stringify(document.spec);
  expect(JSON.stringify(PlanSpecRecord.parse(JSON.parse(written)))).toBe(written);
  return document.spec;
}

describe('judge', () => {
  it("has the other tools' own defaults", () => {
    expect(parse()).toMatchObject({ judge: { name: 'sequential' } });
    expect(parse('judge: { name: flagger }')).toMatchObject({
      judge: { name: 'flagger', threshold: 1, intervalMs: 60_000 },
    });
    expect(parse('judge: { name: argo, count: 0 }')).toMatchObject({
      judge: {
        name: 'argo',
        intervalMs: 60_000,
        failureLimit: 0,
        inconclusiveLimit: 0,
        consecutiveErrorLimit: 4,
        consecutiveSuccessLimit: 0,
        count: null,
        dryRun: [],
      },
    });
  });

  it('has those of Kayenta, too', () => {
    expect(parse('judge: { name: kayenta }').judge).toEqual(KAYENTA_SPEC);
    const asked = [
      'interval: 10m, sample: 30s, lifetime: 1h, lookback: 2h, pass: 90, marginal: 50, scaleTolerance: true',
      'nanStrategy: replace, outliers: remove, outlierFactor: 2, tolerance: 0.1, confidence: 0.95',
      'effectSize: { measure: cles, criticalIncrease: 0.8 }, critical: [error-rate], groupWeights: { error-rate: 70 }',
    ];
    expect(parse(`judge: { name: kayenta, ${asked.join(', ')} }`, 'analysis: [{ use: error-rate }]').judge).toEqual({
      ...{ ...KAYENTA_SPEC, intervalMs: 600_000, sampleMs: 30_000, lifetimeMs: 3_600_000, lookbackMs: 7_200_000 },
      ...{ pass: 90, marginal: 50, scaleTolerance: true, nanStrategy: 'replace', outliers: 'remove', outlierFactor: 2 },
      ...{ tolerance: 0.1, confidence: 0.95, critical: ['error-rate'], groupWeights: { 'error-rate': 70 } },
      effectSize: { measure: 'cles', allowedIncrease: 0.5, criticalIncrease: 0.8 },
    });
  });

  it('takes what is given', () => {
    expect(parse('judge: { name: flagger, threshold: 5, interval: 30s }')).toMatchObject({
      judge: { threshold: 5, intervalMs: 30_000 },
    });
    expect(
      parse('judge: { name: argo, failureLimit: -1, consecutiveSuccessLimit: 3, dryRun: [latency] }'),
    ).toMatchObject({ judge: { failureLimit: -1, consecutiveSuccessLimit: 3, dryRun: ['latency'] } });
  });

  it('lets the sequential judge be told its bounds', () => {
    expect(parse('judge: { name: sequential, alpha: 0.05, margin: 1.1, mde: 3 }').judge).toEqual({
      ...{ name: 'sequential', alpha: 0.05, margin: 1.1, mde: 3 },
    });
    expect(parse('judge: { name: sequential, skipAfter: 20m }', 'bake: 30m').judge).toEqual({
      ...{ name: 'sequential', skipAfterMs: 1_200_000 },
    });
    expect(parse('nodataTimeout: 2m')).toMatchObject({ nodataTimeoutMs: 120_000 });
    const asked = [
      '{ use: error-rate, with: { count: [5xx, 429], floor: 0.001, max: 0.02 } }',
      '{ use: latency, with: { warmup: 90s } }',
    ];
    expect(parse(`analysis: [${asked.join(', ')}]`).analysis).toMatchObject([
      { count: ['5xx', '429'], floor: 0.001, max: 0.02, ceiling: 0.02 },
      { objectiveMs: null, warmupMs: 90_000 },
    ]);
  });

  it('gives no limit to the sequential judge that nobody has written', () => {
    expect(parse('analysis: [{ use: error-rate }]').analysis[0]).not.toHaveProperty('ceiling');
  });

  it('is of the threshold kind in records of earlier versions', () => {
    const { judge: _, ...before } = JSON.parse(JSON.stringify(parse()));
    expect(PlanSpecRecord.parse(before).judge).toEqual({ name: 'threshold' });
  });

  it.each([
    [
      'judge: { name: flager }',
      'plan.yaml:7:18: SERIN_DOCUMENT_INVALID spec.judge.name: expected one of sequential, threshold, flagger, argo, kayenta. Did you mean "flagger"?',
    ],
    ['judge: { threshold: 5 }', 'expected one of sequential, threshold, flagger, argo, kayenta'],
    ['judge: { name: flagger, failureLimit: 3 }', 'spec.judge.failureLimit: unknown key "failureLimit"'],
    ['judge: { name: argo, count: 1.5 }', 'spec.judge.count: expected a whole number'],
    ['judge: { name: argo, interval: 5s }', 'spec.judge.interval: expected a duration'],
    ['judge: { name: kayenta, interval: 30s }', 'spec.judge.interval: shorter than one sample'],
    ['judge: { name: kayenta, pass: 60 }', 'spec.judge.marginal: above pass'],
    ['judge: { name: kayenta, confidence: 1 }', 'spec.judge.confidence: expected at most 0.9999'],
    ['judge: { name: kayenta, nanStrategy: drop }', 'spec.judge.nanStrategy: expected one of remove, replace'],
    ['judge: { name: kayenta, effectSize: { measure: mean } }', 'expected one of meanRatio, cles'],
    ['judge: { name: kayenta, groupWeights: { a: 60, b: 50 } }', 'the weights are above 100 together'],
    [
      'judge: { name: kayenta, critical: [latency] }\n  analysis: [{ use: error-rate }]',
      'spec.judge.critical[0]: no share of bad requests is named "latency"',
    ],
    [
      `judge: { name: kayenta }\n  analysis: [${Array.from({ length: 17 }, (_, i) => `{ use: error-rate, name: e${i} }`).join(', ')}]`,
      'spec.analysis: at most 16 shares at once with this judge',
    ],
    [
      'judge: { name: kayenta }\n  analysis: [{ use: latency }]',
      'spec.analysis[0].with.objective: expected a duration',
    ],
    ['judge: { name: sequential, alpha: 1 }', 'spec.judge.alpha: expected below 1'],
    ['judge: { name: sequential, skipAfter: 20m }', 'spec.judge.skipAfter: it needs a bake'],
    ['judge: { name: sequential, skipAfter: 5m }\n  bake: 10m', 'spec.judge.skipAfter: expected a duration'],
    ['judge: { name: sequential, margin: 1 }', 'spec.judge.margin: expected above 1'],
    ['nodataTimeout: 0s', 'spec.nodataTimeout: expected a duration'],
    ['analysis: [{ use: error-rate, with: { count: [6xx] } }]', 'count[0]: expected a class or a code'],
    [
      'judge: { name: threshold }\n  analysis: [{ use: latency }]',
      'spec.analysis[0].with.objective: expected a duration',
    ],
    ['judge: flagger', 'expected one of sequential, threshold, flagger, argo, kayenta'],
  ])('%s is refused', (line, words) => {
    expect(attempt([line])).toContain(words);
  });
});

describe('a relative limit', () => {
  it('takes the place of the fixed one', () => {
    const analysis = 'analysis: [{ use: error-rate, with: { relative: { factor: 1.5 }, window: 2m } }]';
    expect(parse(analysis)).toMatchObject({
      analysis: [{ max: 1, minRequests: null, relative: { factor: 1.5, offset: 0 }, windowMs: 120_000 }],
    });
    expect(parse('analysis: [{ use: error-rate, with: { max: 0.2, relative: { offset: 0.1 } } }]')).toMatchObject({
      analysis: [{ max: 0.2, relative: { factor: 1, offset: 0.1 } }],
    });
  });

  it('is enough for a query', () => {
    expect(parse('analysis: [{ name: x, query: up, relative: { factor: 2 } }]')).toMatchObject({
      analysis: [{ min: null, max: null, relative: { factor: 2, offset: 0 } }],
    });
  });

  it('stands beside everything else', () => {
    const entries = [
      '{ use: latency, with: { objective: 250ms, window: 30s, max: 0.1, relative: { offset: 1 }, minRequests: 9 } }',
      '{ name: x, query: up, relative: { factor: 2 }, baseline: down, min: 1, max: 2, window: 5m }',
    ];
    expect(parse(`analysis: [${entries.join(', ')}]`)).toMatchObject({
      analysis: [{ kind: 'latency', windowMs: 30_000 }, { baseline: 'down' }],
    });
  });

  it.each([
    ['analysis: [{ name: x, query: up }]', 'expected a limit: min, max or relative'],
    [
      'analysis: [{ name: x, query: up, max: 1, baseline: up }]',
      'spec.analysis[0].baseline: a baseline is compared by relative',
    ],
    ['analysis: [{ use: error-rate, with: { relative: { factor: -1 } } }]', 'relative.factor: expected at least 0'],
  ])('%s is refused', (line, words) => {
    expect(attempt([line])).toContain(words);
  });
});

it('is the same to the letter when it comes back from the store, whatever else the plan says', () => {
  const windows = 'windows: { zone: UTC, open: [{ from: "09:00", to: "17:00" }] }';
  expect(parse('bake: 10m', 'keepWarm: 1h', 'nodataTimeout: 2m', windows)).toMatchObject({ bakeMs: 600_000 });
});

it('names the line of a query with a bad placeholder', () => {
  const errors = attempt(['analysis:', '  - name: x', '    max: 1', '    query: f{r={{ canary.revision }}}']);
  expect(errors).toContain('plan.yaml:10:');
  expect(errors).toContain('must stand inside quotes');
});

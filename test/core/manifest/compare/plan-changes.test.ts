import { describe, expect, it } from 'vitest';
import { planChanges } from '../../../../src/core/manifest/compare/plan-changes.ts';
import { parseDocuments } from '../../../../src/core/manifest/parse-documents.ts';
import type { PlanSpec } from '../../../../src/core/model/documents.ts';
import { formatError } from '../../../../src/core/model/format-error.ts';
import { shippedStrategies } from '../../../../src/platform/strategy-files.ts';

function plan(more = '', steps = '[{ name: testers, weight: 0, hold: 1m }, { name: half, weight: 50 }]'): PlanSpec {
  const text = `apiVersion: serin.dev/v1
kind: Plan
metadata: { name: shop }
spec:
  backend: shop
  strategy: { steps: ${steps} }
${more}`;
  const parsed = parseDocuments([{ file: 'plan.yaml', text }], shippedStrategies());
  const [first] = parsed.kind === 'ok' ? parsed.value : [];
  if (first?.document.kind !== 'Plan')
    throw new Error(parsed.kind === 'error' ? parsed.errors.map(formatError).join('\n') : 'no plan');
  return first.document.spec;
}

const words = (before: PlanSpec, after: PlanSpec) =>
  planChanges(before, after).map(({ where, what, from, to }) => `${where}: ${what}: ${from} → ${to}`);

const STEPS = {
  match:
    '[{ name: testers, weight: 0, hold: 1m, matches: [{ headers: [{ name: x-a, type: Present }] }] }, { name: half, weight: 50 }]',
  other:
    '[{ name: testers, weight: 0, hold: 1m, matches: [{ method: GET, headers: [{ name: x-a, value: b }] }] }, { name: half, weight: 50 }]',
};

describe('two versions of a plan', () => {
  it('are the same if they say the same, also in other words', () => {
    expect(words(plan(), plan())).toEqual([]);
    expect(words(plan('  deadline: 90m\n'), plan('  deadline: 1h30m\n'))).toEqual([]);
  });

  it.each([
    ['a deadline', '  deadline: 2h\n', '  deadline: 4h\n', ['plan: deadline: 2h → 4h']],
    ['a policy', '  onLaggard: hold\n', '  onLaggard: exclude\n', ['plan: onLaggard: hold → exclude']],
    ['receivers', '  notify: [deploys]\n', '  notify: [deploys, ops]\n', ['plan: notify: deploys → deploys, ops']],
    ['a bake that comes', '', '  bake: 10m\n', ['plan: bake: null → 10m']],
    ['another judge', '  judge: { name: threshold }\n', '', ['plan: judge: threshold → sequential']],
    [
      'a limit of the judge',
      '  judge: { name: sequential, alpha: 0.02 }\n  analysis: [{ use: error-rate, with: { max: 0.1 } }]\n',
      '  analysis: [{ use: error-rate, with: { max: 0.1 } }]\n',
      ['plan: judge.alpha: 0.02 → null'],
    ],
    [
      'a limit',
      '  analysis: [{ use: error-rate, with: { max: 0.1 } }]\n',
      '  analysis: [{ use: error-rate, with: { max: 0.2 } }]\n',
      ['analysis error-rate: max: 0.1 → 0.2'],
    ],
    [
      'an analysis that goes',
      '  analysis: [{ use: error-rate }, { name: late, query: up, max: 1 }]\n',
      '  analysis: [{ use: error-rate }]\n',
      [expect.stringMatching(/^analysis late: null: kind query, query up, .*max 1.* → null$/)],
    ],
  ])('%s', (_, before, after, said) => {
    expect(words(plan(before), plan(after))).toEqual(said);
  });

  it.each([
    [
      'a weight',
      '[{ name: testers, weight: 0, hold: 1m }, { name: half, weight: 40 }]',
      ['step half: weight: 50 % → 40 %'],
    ],
    [
      'a hold and a gate',
      '[{ name: testers, weight: 0, hold: 90s }, { name: half, weight: 50, approve: true }]',
      ['step testers: hold: 1m → 1m30s', 'step half: approve: no → yes'],
    ],
    [
      'a step that comes, and none of the others with it',
      '[{ name: testers, weight: 0, hold: 1m }, { name: one, weight: 1, hold: 5m }, { name: half, weight: 50 }]',
      ['step one: null: null → weight 1 %, hold 5m'],
    ],
    ['a step that goes', '[{ name: half, weight: 50 }]', ['step testers: null: weight 0 %, hold 1m → null']],
    ['a match', STEPS.match, ['step testers: matches: null → header x-a is there']],
    [
      'an analysis of a step alone',
      '[{ name: testers, weight: 0, hold: 1m }, { name: half, weight: 50, analysis: [{ name: late, query: up, max: 1, window: 1m }] }]',
      expect.arrayContaining([
        'step half: analysis[late].query: null → up',
        'step half: analysis[late].window: null → 1m',
      ]),
    ],
    [
      'copies and evidence',
      '[{ name: testers, weight: 0, hold: 1m, mirror: { percent: 10 } }, { name: half, weight: 50, until: { requests: 100, atMost: 1h } }]',
      expect.arrayContaining([
        'step testers: mirror: null → 10 %',
        'step half: until.requests: null → 100',
        'step half: until.atMost: null → 1h',
      ]),
    ],
  ])('steps: %s', (_, steps, said) => {
    expect(words(plan(), plan('', steps))).toEqual(said);
  });

  it('says how a match changed', () => {
    expect(words(plan('', STEPS.match), plan('', STEPS.other))).toEqual([
      'step testers: matches: header x-a is there → method GET and header x-a = b',
    ]);
  });

  it('tells the arms of a test apart', () => {
    const of = (more: string, green: number, arm: string) =>
      plan(
        more,
        `[{ name: testers, weight: 0, matches: [{ method: GET, arm: ${arm} }] }, { name: even, weights: { canary: 20, green: ${green}, blue: 20 } }]`,
      );
    expect(
      words(of('  variants: [green, blue]\n', 20, 'green'), of('  variants: [blue, green]\n', 25, 'blue')),
    ).toEqual([
      'plan: variants: green, blue → blue, green',
      'step testers: matches: method GET to green → method GET to blue',
      'step even: weights.green: 20 % → 25 %',
    ]);
  });

  it('tells another order of the same steps and analyses', () => {
    const [one, two] = ['{ name: one, weight: 1 }', '{ name: two, weight: 1 }'];
    expect(words(plan('', `[${one}, ${two}]`), plan('', `[${two}, ${one}]`))).toEqual([
      'plan: order of steps: one, two → two, one',
    ]);
    const [early, late] = ['{ name: early, query: up, max: 1 }', '{ name: late, query: up, max: 1 }'];
    expect(words(plan(`  analysis: [${early}, ${late}]\n`), plan(`  analysis: [${late}, ${early}]\n`))).toEqual([
      'plan: order of analyses: early, late → late, early',
    ]);
  });

  it('tells every field there is, whichever it is', () => {
    const rich = plan(RICH, RICH_STEPS);
    const paths = leaves(rich).filter((path) => !isSaidByAnother(rich, path));
    expect(paths.length).toBeGreaterThan(60);
    expect(paths.filter((path) => planChanges(rich, changedAt(rich, path)).length === 0)).toEqual([]);
    expect(paths.filter((path) => planChanges(changedAt(rich, path), rich).length === 0)).toEqual([]);
  });
});

const RICH = `  deadline: 4h
  inconclusiveAfter: 20m
  onInconclusive: hold
  bake: 10m
  keepWarm: 1h
  nodataTimeout: 10m
  ackTimeout: 10s
  onLaggard: exclude
  onNewRevision: queue
  onRollback: { closeStreamsAfter: 30s }
  notify: [deploys, ops]
  judge: { name: sequential, alpha: 0.02, margin: 1.2, mde: 2 }
  analysis:
    - { use: error-rate, with: { max: 0.1, min: 0.01, minRequests: 100, count: [5xx, "429"], window: 2m } }
    - { use: latency, with: { objective: 250ms, warmup: 2m } }
    - { name: late, query: up, min: 0, max: 1, window: 1m, baseline: up, relative: { factor: 2, offset: 1 } }
  readout: [{ name: sold, users: "sum(users{revision='{{ arm.revision }}'})", successes: "sum(sold{revision='{{ arm.revision }}'})" }]
`;
const RICH_STEPS = `[
    { name: dark, weight: 0, mirror: { percent: 10 }, hold: 1m,
      matches: [
        { method: GET, path: { value: /a }, headers: [{ name: x-a, type: Range, start: 1, end: 5 }] },
        { cookies: [{ name: c, value: d }], queryParams: [{ name: q, value: r }] } ],
      headers: { request: { set: { x-b: c }, add: { x-d: e }, remove: [x-f] } },
      approval: { by: [alice], within: 1h, otherwise: advance } },
    { name: half, weight: 50, sticky: { cookie: { name: arm, maxAge: 1h } },
      until: { requests: 100, regression: 3, atMost: 1h }, analysis: [{ name: early, query: up, max: 1 }] } ]`;

type Path = readonly (string | number)[];

function leaves(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, item]: [string | number, unknown]) => leaves(item, [...path, key]));
}

/** `max` is `ceiling` wherever the plan gives one. */
function isSaidByAnother(spec: unknown, path: Path): boolean {
  const around = path.slice(0, -1).reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], spec);
  return path.at(-1) === 'max' && 'ceiling' in (around as object);
}

function changedAt(spec: PlanSpec, path: Path): PlanSpec {
  const copy = structuredClone(spec) as unknown as Record<string, unknown>;
  let inside = copy;
  for (const key of path.slice(0, -1)) inside = inside[key] as Record<string, unknown>;
  const last = path.at(-1) ?? '';
  const was = inside[last];
  inside[last] = typeof was === 'number' ? was + 1 : typeof was === 'boolean' ? !was : `${was ?? ''}x`;
  return copy as unknown as PlanSpec;
}

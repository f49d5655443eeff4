import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { effectivePlans } from '../../../../src/core/manifest/effective/effective-plan.ts';
import { planYaml } from '../../../../src/core/manifest/effective/plan-yaml.ts';
import { type ParsedDocument, parseDocuments } from '../../../../src/core/manifest/parse-documents.ts';
import { PlanGrammar } from '../../../../src/core/manifest/plan-grammar.ts';
import { StepsGrammar } from '../../../../src/core/manifest/steps-grammar.ts';
import { formatError } from '../../../../src/core/model/format-error.ts';
import { shippedStrategies } from '../../../../src/platform/strategy-files.ts';
import { fences, PAGES } from '../../../support/markdown.ts';

const library = shippedStrategies();

function parsed(text: string): readonly ParsedDocument[] {
  const read = parseDocuments([{ file: '', text }], library);
  if (read.kind === 'error') throw new Error(`${read.errors.map(formatError).join('\n')}\n${text}`);
  return read.value;
}

const shown = (documents: readonly ParsedDocument[]) =>
  effectivePlans(documents, library)
    .map((plan) => planYaml(plan).join('\n'))
    .join('\n---\n');

/** What it means to the engine. The steps stand in the plan then, so their strategy has no name. */
const meaning = (documents: readonly ParsedDocument[]) =>
  documents.flatMap(({ document: { kind, name, spec } }) =>
    kind === 'Plan' ? [{ name, spec: { ...spec, strategy: { ...spec.strategy, name: 'inline' } } }] : [],
  );

function expectSame(text: string): void {
  const documents = parsed(text);
  expect(meaning(parsed(shown(documents)))).toEqual(meaning(documents));
}

const withPlans = (text: string) => text.includes('apiVersion: serin.dev/v1') && text.includes('kind: Plan');
const examples = [
  ...PAGES.flatMap(fences).filter(({ language, text }) => language === 'yaml' && withPlans(text)),
  { at: 'deploy/examples/shop.yaml', text: readFileSync('deploy/examples/shop.yaml', 'utf8') },
];

const plan = (spec: object, strategy: object = { use: 'canary' }) =>
  JSON.stringify({
    ...{ apiVersion: 'serin.dev/v1', kind: 'Plan', metadata: { name: 'shop' } },
    spec: { ...('backends' in spec ? {} : { backend: 'shop' }), strategy, ...spec },
  });

describe('a plan that is shown as YAML is the same plan', () => {
  it.each(examples)('$at', ({ text }) => expectSame(text));

  it.each(library.shipped.map(({ name }) => name))('strategy %s', (name) => expectSame(plan({}, { use: name })));

  it.each([
    ['sticky of the plan, at weight 0 too', plan({ sticky: { cookie: {} } }, { use: 'dark-launch' })],
    ['several backends', plan({ backends: ['shop', 'cart'], colour: { header: 'x-arm' } })],
    [
      'a readout',
      plan(
        {
          sticky: { hash: { header: 'x-user' } },
          readout: [
            { name: 'buyers', users: 'u{r="{{ arm.revision }}"}', successes: 's{r="{{ arm.revision }}"}' },
            {
              ...{ name: 'basket', wanted: 'lower', users: 'u{r="{{ arm.revision }}"}' },
              ...{ sum: 's{r="{{ arm.revision }}"}', sumOfSquares: 'q{r="{{ arm.revision }}"}' },
            },
          ],
        },
        { use: 'canary' },
      ),
    ],
    ['sticky of steps', plan({}, { use: 'ab-test', with: { by: 'hash', name: 'x-user' } })],
    [
      'headers told apart by case alone',
      plan({}, { steps: [{ weight: 50, headers: { request: { set: { 'X-A': '1', 'x-a': '2' }, remove: ['x-b'] } } }] }),
    ],
    [
      'several arms',
      plan(
        { variants: ['blue', 'green'] },
        {
          steps: [
            {
              weight: 0,
              matches: [
                { method: 'GET', arm: 'green' },
                { method: 'PUT', arm: 'canary' },
              ],
            },
            { weights: { green: 5, stable: 85, canary: 5, blue: 5 } },
          ],
        },
      ),
    ],
    ['an approval that nobody has to give', plan({}, { steps: [{ weight: 50, approve: false, approval: {} }] })],
    ['a with of nothing', plan({ analysis: [{ use: 'error-rate', with: null }] })],
    ['a limit that says its default', plan({ analysis: [{ use: 'error-rate', with: { max: 0.01 } }] })],
    ['words that YAML takes for others', plan({ notify: ['true', 'null', '1', '1e3', 'a b'] })],
  ])('with %s', (_, text) => expectSame(text));

  const duration = (...among: string[]) => fc.constantFrom(...among);
  const optional = <T extends Record<string, fc.Arbitrary<unknown>>>(fields: T) =>
    fc.record(fields, { requiredKeys: [] });
  /** Characters that need care in YAML, none of which a document refuses. */
  const words = fc
    .string({
      unit: fc.constantFrom(...Array.from('aZ09 :#-?{}[],&*!|>\'"%@`\\/~=é\u00a0\u2028\ufeff😀')),
      minLength: 1,
      maxLength: 12,
    })
    .map((text) => `x${text}`);
  const query = fc.constantFrom('up{revision="{{ canary.revision }}"} # "1"', "a: b - 'c'");
  const limits = {
    max: fc.constantFrom(0, 0.01, 1, 1e-7),
    min: fc.constant(0),
    minRequests: fc.integer({ min: 1, max: 1_000_000 }),
    relative: optional({ factor: fc.constantFrom(0, 1.5), offset: fc.constantFrom(-0, 0.001, 1e21) }),
    window: duration('1m', '5m'),
  };
  const analysis = fc.oneof(
    fc.record(
      {
        use: fc.constant('error-rate'),
        name: fc.constant('errors'),
        with: optional({ ...limits, count: fc.constant(['5xx', 429]), floor: fc.constant(0.001) }),
      },
      { requiredKeys: ['use'] },
    ),
    fc.record({
      use: fc.constant('latency'),
      with: fc.record(
        { ...limits, objective: duration('250ms'), warmup: duration('0s', '90s') },
        { requiredKeys: ['objective'] },
      ),
    }),
    fc.record(
      { name: fc.constant('own'), query, max: fc.constantFrom(-0, 3.5), ...optionalQuery() },
      { requiredKeys: ['name', 'query', 'max'] },
    ),
  );
  function optionalQuery() {
    return { min: fc.constant(-1), window: duration('30s', '1m'), relative: limits.relative };
  }
  const analyses = fc.uniqueArray(analysis, { maxLength: 3, selector: (one) => JSON.stringify(one).slice(0, 12) });
  const sticky = fc.oneof(
    fc.record({ cookie: optional({ name: fc.constant('arm'), maxAge: duration('1h', '7d') }) }),
    fc.constantFrom({ hash: { header: 'X-User' } }, { hash: { cookie: 'sid', issuedBy: 'application' } }),
  );
  const match = fc.record({
    headers: fc.array(
      fc.oneof(
        fc.record({ name: fc.constant('X-Tester'), value: words }),
        fc.record({
          name: fc.constant('x-n'),
          type: fc.constant('Range'),
          start: fc.integer({ min: -9, max: 0 }),
          end: fc.constant(7),
        }),
        fc.record({ name: fc.constantFrom('1', 'x-on'), type: fc.constantFrom('Present', 'Absent') }),
      ),
      { minLength: 1, maxLength: 3 },
    ),
    queryParams: fc.constantFrom([], [{ name: 'q', type: 'Prefix', value: 'no' }]),
    method: fc.constant('GET'),
    path: fc.constantFrom({ value: '/a' }, { type: 'Exact', value: '/b' }),
  });
  const changes = optional({
    request: optional({
      set: fc.dictionary(fc.constantFrom('x-a', '123', 'true'), words, { maxKeys: 3 }),
      remove: fc.constant(['x-c']),
    }),
    response: optional({ add: fc.constant({ 'x-d': '' }) }),
  });
  const until = fc.record(
    { requests: fc.integer({ min: 1, max: 5_000 }), regression: fc.constantFrom(1.5, 5), atMost: duration('1h') },
    { requiredKeys: ['requests'] },
  );
  const step = optional({
    hold: duration('0s', '90s', '1h30m'),
    until,
    approve: fc.boolean(),
    approval: fc.constantFrom({}, { by: ['ann'] }, { within: '2h' }, { within: '2h', otherwise: 'hold' }),
    matches: fc.array(match, { maxLength: 2 }),
    headers: changes,
    analysis: fc.constantFrom([], [{ name: 'of step', query: 'up', min: 1 }]),
  });
  const steps = fc
    .array(fc.tuple(step, fc.integer({ min: 0, max: 10_000 })), { minLength: 1, maxLength: 4 })
    .map((all) => {
      const weights = all.map(([, points]) => points).sort((a, b) => a - b);
      return { steps: all.map(([fields], i) => ({ ...fields, weight: (weights[i] ?? 0) / 100 })) };
    });
  const strategy = fc.oneof(
    steps,
    fc.record({
      use: fc.constant('canary'),
      with: optional({ weights: fc.constant([0.07, 33.33]), hold: duration('2m') }),
    }),
    fc.record({ use: fc.constant('dark-launch'), with: optional({ mirror: fc.constantFrom(0, 12.5) }) }),
    fc.record({ use: fc.constant('instant'), with: optional({ bake: duration('20m') }) }),
    fc.record({ use: fc.constant('header-first'), with: optional({ value: words }) }),
  );
  const judge = fc.oneof(
    optional({ alpha: fc.constant(0.05), margin: fc.constant(2), mde: fc.constant(3) }).map((own) => ({
      name: 'sequential',
      ...own,
    })),
    fc.constantFrom({ name: 'threshold' }, { name: 'flagger' }, { name: 'flagger', threshold: -1, interval: '30s' }),
    optional({ count: fc.constantFrom(0, 7), dryRun: fc.constant(['own']), failureLimit: fc.constant(-1) }).map(
      (own) => ({
        name: 'argo',
        ...own,
      }),
    ),
    optional({
      interval: duration('1h'),
      sample: duration('30s'),
      lifetime: duration('1h'),
      lookback: duration('1h'),
      pass: fc.constant(90),
      nanStrategy: fc.constant('replace'),
      outliers: fc.constant('remove'),
      effectSize: fc.constantFrom({ measure: 'cles' }, { allowedIncrease: 1.2 }, {}),
    }).map((own) => ({ name: 'kayenta', ...own })),
  );
  const spec = optional({
    analysis: analyses,
    judge,
    sticky,
    deadline: duration('3d', '30d'),
    inconclusiveAfter: duration('20m'),
    onInconclusive: fc.constantFrom('rollback', 'hold', 'promote'),
    bake: duration('10s', '1d'),
    keepWarm: duration('1m', '1d1ms'),
    nodataTimeout: duration('1s'),
    ackTimeout: duration('1m'),
    onLaggard: fc.constantFrom('hold', 'exclude', 'rollback'),
    onNewRevision: fc.constantFrom('reject', 'queue', 'supersede'),
    revision: fc.constantFrom('v42', '1e3', { checkout: '7' }),
    onRollback: fc.constantFrom({}, { closeStreamsAfter: '10m' }),
    notify: fc.constantFrom([], ['deploys', 'deploys', 'on call']),
  });

  it('whatever it says', () => {
    let valid = 0;
    fc.assert(
      fc.property(spec, strategy, (fields, chosen) => {
        const text = plan(fields, chosen);
        // Some do not fit together, such as a bake and the default of the deadline.
        fc.pre(parseDocuments([{ file: '', text }], library).kind === 'ok');
        valid += 1;
        expectSame(text);
      }),
      { numRuns: 150 },
    );
    expect(valid).toBe(150);
  });
});

/** A field that is added to the grammar and forgotten here would be lost without a word. */
describe('a plan that is shown has every field of', () => {
  const keys = (grammar: z.ZodType, path: readonly string[]) => {
    const schema = z.toJSONSchema(grammar, { io: 'input', unrepresentable: 'any' });
    return Object.keys(path.reduce<Record<string, unknown>>((at, key) => at[key] as Record<string, unknown>, schema));
  };
  const metric = { name: 'x', users: 'u{r="{{ arm.revision }}"}', successes: 's{r="{{ arm.revision }}"}' };
  const [all] = effectivePlans(
    parsed(
      plan({ revision: 'v2', sticky: { cookie: {} }, readout: [metric] }, { steps: [{ weight: 50, approve: true }] }),
    ),
    library,
  );

  it('a Plan', () => {
    const joint = { backends: ['checkout', 'cart'], colour: { header: 'x-arm' } };
    const [several] = effectivePlans(parsed(plan(joint)), library);
    const weights = { canary: 20, green: 20 };
    const [test] = effectivePlans(parsed(plan({ variants: ['green'] }, { steps: [{ weights }] })), library);
    // A plan has one backend or several, and one arm or several.
    const shown = [all, several, test].flatMap((one) => Object.keys(one?.written ?? {}));
    const fields = new Set(shown);
    expect([...fields].toSorted()).toEqual(keys(PlanGrammar, ['properties']).toSorted());
  });

  it('a step', () => {
    const strategy = all?.written.strategy as { readonly steps: readonly object[] } | undefined;
    // Its sticky is that of the plan, and it has one weight or several.
    const fields = [...Object.keys(strategy?.steps[0] ?? {}), 'sticky', 'weights'];
    expect(fields.toSorted()).toEqual(keys(StepsGrammar, ['items', 'properties']).toSorted());
  });
});

describe('a plan as YAML', () => {
  const lines = (text: string) => shown(parsed(text));

  it('marks what is a default, and has as comments what would make it another plan', () => {
    const text = lines(plan({ analysis: [{ use: 'latency', with: { objective: '250ms' } }], deadline: '2h' }));
    expect(text).toMatch(/^# The steps are those of strategy canary, with\n# {3}weights: \[1, 5, 25, 50\] # default\n/);
    for (const line of [
      '  deadline: 2h\n',
      '  ackTimeout: 30s # default\n',
      '  # bake: none # default\n',
      "  # keepWarm: the engine's timing.retireAfter # default\n",
      '    name: sequential # default\n    # alpha: 0.01 # default\n',
      '        objective: 250ms\n        # max: none # default\n        # minRequests: 200 # default\n',
      '        hold: 5m # default\n',
    ]) {
      expect(text).toContain(line);
    }
  });

  it('says of a parameter that is given that it is said', () => {
    const text = lines(plan({}, { use: 'dark-launch', with: { watch: '20m', weights: [50] } }));
    expect(text).toContain('\n#   watch: 20m\n');
    expect(text).toContain('hold: 20m\n');
    expect(text).toContain('percent: 10 # default\n');
    expect(text).toContain('weight: 50\n');
  });
});

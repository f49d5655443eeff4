import { describe, expect, it } from 'vitest';
import type { Finding, LintFacts } from '../../../../src/core/manifest/lint/finding.ts';
import { lintDocuments } from '../../../../src/core/manifest/lint/lint-documents.ts';
import { LINT_RULES, type LintCode } from '../../../../src/core/manifest/lint/rules.ts';
import { parseDocuments } from '../../../../src/core/manifest/parse-documents.ts';
import { formatError } from '../../../../src/core/model/format-error.ts';
import { shippedStrategies } from '../../../../src/platform/strategy-files.ts';

const NOTHING: LintFacts = { requestsPerSecond: null, errorRate: null, config: null };
const CONFIG: NonNullable<LintFacts['config']> = {
  scrapeMs: new Map([['edge', 15_000]]),
  notifiers: [{ name: 'deploys', signed: true, place: { file: 'serin.yaml', line: 3, column: 5 } }],
  hooks: [{ name: 'load-test', signed: true, place: { file: 'serin.yaml', line: 5, column: 5 } }],
  allowsRawEnvoy: false,
};
const rps = (requestsPerSecond: number, errorRate: number | null = null): LintFacts => ({
  ...NOTHING,
  requestsPerSecond,
  errorRate,
});

function lint(text: string, facts = NOTHING): readonly Finding[] {
  const parsed = parseDocuments([{ file: 'shop.yaml', text }], shippedStrategies());
  if (parsed.kind === 'error') throw new Error(parsed.errors.map(formatError).join('\n'));
  return lintDocuments(parsed.value, facts);
}

const plan = (spec: string) =>
  `apiVersion: serin.dev/v1\nkind: Plan\nmetadata: { name: shop }\nspec:\n  backend: shop\n${spec}`;
const steps = (...all: readonly string[]) =>
  `  strategy:\n    steps:\n${all.map((one) => `      - ${one}\n`).join('')}`;
const GOOD = '{ weight: 5, hold: 5m }';
const HALF = '{ weight: 50, hold: 5m }';
const JUDGED = '  analysis: [{ use: error-rate }]\n';
const WINDOWS = '  windows: { zone: Europe/Berlin, open: [{ from: "09:00", to: "11:00" }] }\n';
const DEADLINE = '  deadline: 2h\n';
const ROUTE =
  '---\napiVersion: serin.dev/v1\nkind: Route\nmetadata: { name: shop }\nspec: { fleet: edge, hostnames: ["*"], rules: [{ name: all, backend: shop }] }\n';

const KAYENTA = (fields: string) => `  judge: { name: kayenta${fields} }\n`;
const SKIPS = (after: string) => `  judge: { name: sequential, skipAfter: ${after} }\n  bake: 10m\n`;
const HOUR = '{ weight: 50, hold: 1h }';

type Case = readonly [code: LintCode, text: string, place: string, message: string, facts?: LintFacts];
const CASES: readonly Case[] = [
  [
    'samples-out-of-reach',
    plan(steps(GOOD, HOUR) + JUDGED + DEADLINE + KAYENTA(', lookback: 4m')),
    '12:37',
    'a sample spans 1m: the last 4 samples count, and the judge needs 5 to tell any difference at all',
  ],
  [
    'samples-out-of-reach',
    plan(`${steps('{ weight: 5, hold: 1m }', '{ weight: 50, hold: 1m }') + JUDGED}  deadline: 3m\n${KAYENTA('')}`),
    '11:13',
    'a sample spans 1m: 3 samples fit before the deadline, and the judge needs 5 to tell any difference at all',
  ],
  [
    'few-samples',
    plan(steps(GOOD, HALF) + JUDGED + DEADLINE + KAYENTA('')),
    '12:10',
    'a sample spans 1m: there are 10 of them when the last comparison is over',
  ],
  [
    'few-samples',
    plan(steps(GOOD, HOUR) + JUDGED + DEADLINE + KAYENTA(', sample: 2m, lifetime: 90m')),
    '12:35',
    'a sample spans 2m: there are 45 of them when the last comparison is over',
  ],
  [
    'sample-below-scrapes',
    plan(steps(GOOD, HOUR) + JUDGED + DEADLINE + KAYENTA(', sample: 20s')),
    '12:35',
    'a sample spans 20s, two scrapes take 30s: many would be empty',
  ],
  ['no-analysis', plan(steps(GOOD, HALF) + DEADLINE), '5:3', 'nothing is measured: only time and people hold it'],
  [
    'no-analysis',
    plan(steps('{ weight: 5, webhook: { target: checks } }', HALF) + DEADLINE),
    '5:3',
    'nothing is measured: only time, hooks and people hold it',
  ],
  [
    'no-deadline',
    plan(steps(GOOD, HALF) + JUDGED),
    '5:3',
    'a rollout that gets nowhere is rolled back after 1d, which nobody has said',
  ],
  [
    'approve-without-deadline',
    plan(steps(GOOD, '{ weight: 50, approve: true }') + JUDGED),
    '5:3',
    'a rollout that nobody approves is rolled back after 1d, which nobody has said',
  ],
  [
    'deadline-below-holds',
    plan(`${steps(GOOD, HALF)}${JUDGED}  deadline: 10m\n`),
    '11:13',
    'the holds take 10m, the deadline is 10m',
  ],
  [
    'no-hold',
    plan(steps('{ weight: 0, matches: [{ headers: [{ name: x, type: Present }] }] }', GOOD, HALF) + JUDGED + DEADLINE),
    '8:9',
    'step step-1 is over as soon as it is live',
  ],
  [
    'hold-below-scrapes',
    plan(steps('{ weight: 5, hold: 59s }', HALF) + JUDGED + DEADLINE),
    '8:28',
    'step step-1 is held for 59s, four scrapes take 1m',
  ],
  [
    'hold-below-scrapes',
    plan(`  strategy: { use: canary, with: { hold: 5m } }\n${JUDGED}${DEADLINE}`) + ROUTE,
    '6:42',
    'step step-1 is held for 5m, four scrapes take 8m; so it is with 3 more',
    { ...NOTHING, config: { ...CONFIG, scrapeMs: new Map([['edge', 120_000]]) } },
  ],
  [
    'window-below-scrapes',
    plan(`${steps(GOOD, HALF)}  analysis: [{ name: x, query: up, max: 1, window: 30s }]\n${DEADLINE}`),
    '10:52',
    'x looks back 30s, four scrapes take 1m: it may find nothing',
  ],
  [
    'patience-below-scrapes',
    plan(`${steps(GOOD, HALF)}${JUDGED}${DEADLINE}  inconclusiveAfter: 29s\n`),
    '12:22',
    'it is paused after 29s without evidence, two scrapes take 30s: two looks that see nothing can do it',
  ],
  [
    'idle-step',
    plan(steps('{ weight: 0, hold: 5m }', GOOD, HALF) + JUDGED + DEADLINE),
    '8:19',
    'step step-1 sends nobody to the canary',
  ],
  [
    'step-name-twice',
    plan(steps('{ name: half, weight: 5, hold: 5m }', '{ name: half, weight: 50, hold: 5m }') + JUDGED + DEADLINE),
    '9:17',
    'step 2 is called half, as step 1 is',
  ],
  [
    'large-first-step',
    plan(steps('{ weight: 30, hold: 5m }', HALF) + JUDGED + DEADLINE),
    '8:19',
    'the first step gives 30 % at once',
  ],
  ['jump-to-all', plan(steps(GOOD) + JUDGED + DEADLINE), '8:19', 'from 5 % it goes to all requests at once'],
  [
    'requests-out-of-reach',
    plan(steps('{ weight: 5, hold: 5m, until: { requests: 5000, atMost: 1h } }', HALF) + JUDGED + DEADLINE),
    '8:51',
    'step step-1 waits for 5000 requests to the canary; at 2 a second and 5 % they take 13h53m, 1h are left to it',
    rps(2, 0.5),
  ],
  [
    'power-out-of-reach',
    plan(steps(GOOD, HALF) + JUDGED + DEADLINE),
    '11:13',
    'at 1 requests a second and 0.1 % errors it takes 4h12m more at 50 % to have seen a 5-fold regression, which the deadline of 2h does not leave',
    rps(1),
  ],
  [
    'power-stretches',
    plan(steps(GOOD, HALF) + JUDGED + DEADLINE),
    '9:19',
    'at 10 requests a second and 0.1 % errors it takes 19m27s more at 50 % to have seen a 5-fold regression',
    rps(10),
  ],
  [
    'unknown-notifier',
    plan(`${steps(GOOD, HALF)}${JUDGED}${DEADLINE}  notify: [deploy]\n`),
    '12:12',
    'there is no notifier deploy. Did you mean "deploys"?',
    { ...NOTHING, config: CONFIG },
  ],
  [
    'notifier-unsigned',
    plan(`${steps(GOOD, HALF)}${JUDGED}${DEADLINE}  notify: [deploys]\n`),
    '3:5',
    'messages to notifier deploys are not signed',
    { ...NOTHING, config: { ...CONFIG, notifiers: CONFIG.notifiers.map((one) => ({ ...one, signed: false })) } },
  ],
  [
    'unknown-hook',
    plan(steps(GOOD, '{ weight: 50, hold: 5m, webhook: { target: lod-test } }') + JUDGED + DEADLINE),
    '9:52',
    'there is no hook lod-test. Did you mean "load-test"?',
    { ...NOTHING, config: CONFIG },
  ],
  [
    'hook-unsigned',
    plan(steps(GOOD, '{ weight: 50, hold: 5m, webhook: { target: load-test } }') + JUDGED + DEADLINE),
    '5:5',
    'questions to hook load-test are not signed',
    { ...NOTHING, config: { ...CONFIG, hooks: CONFIG.hooks.map((one) => ({ ...one, signed: false })) } },
  ],
  [
    'windows-beyond-deadline',
    plan(`${steps('{ weight: 5, hold: 3h }', HALF) + JUDGED}  deadline: 4h\n${WINDOWS}`),
    '11:13',
    'with its windows it takes 22h6m at the least, the deadline is 4h',
  ],
  [
    'deadline-below-shut',
    plan(steps(GOOD, HALF) + JUDGED + DEADLINE + WINDOWS),
    '11:13',
    'started on mon 10:50 it takes 22h10m at the least, the deadline is 2h',
  ],
  [
    'windows-below-holds',
    plan(`${steps('{ weight: 5, hold: 90m }', '{ weight: 50, hold: 1h }') + JUDGED}  deadline: 7d\n${WINDOWS}`),
    '12:41',
    'the holds take 2h30m, the longest window is 2h: it waits at a part of the requests',
  ],
  [
    'webhook-beyond-deadline',
    plan(steps(GOOD, '{ weight: 50, hold: 5m, webhook: { target: load-test, within: 2h } }') + JUDGED + DEADLINE),
    '9:71',
    'step step-2 gives its hook 2h, the deadline is 2h from the start',
  ],
  [
    'hook-below-interval',
    plan(
      steps('{ weight: 5, hold: 1h }', '{ weight: 50, hold: 1h, webhook: { target: load-test, within: 2m } }') +
        JUDGED +
        '  deadline: 3h\n' +
        KAYENTA(''),
    ),
    '9:71',
    'step step-2 gives its hook 2m, and it is judged every 5m: a hook that does not open at once is asked once more at the most',
  ],
  [
    'windows-below-interval',
    plan(
      `${steps('{ weight: 5, hold: 1h }', HOUR) + JUDGED}  deadline: 30d\n  windows: { zone: Europe/Berlin, open: [{ from: "09:00", to: "12:00" }] }\n${KAYENTA(', interval: 4h')}`,
    ),
    '12:41',
    'the longest window is 3h, and it is judged every 4h: it may never be judged while one is open',
  ],
  [
    'skip-out-of-reach',
    plan(steps(GOOD, HALF) + JUDGED + DEADLINE + SKIPS('10m')),
    '12:41',
    'nothing is skipped before 10m, and step-1, the last step that others can be skipped behind, is over after 5m of holds',
  ],
  [
    'skip-out-of-reach',
    plan(steps(GOOD, HALF) + JUDGED + DEADLINE + SKIPS('2h')),
    '12:41',
    'nothing is skipped before 2h, the deadline is 2h',
  ],
  [
    'skip-out-of-reach',
    plan(steps(GOOD, '{ weight: 50, hold: 5m, approve: true }') + JUDGED + DEADLINE + SKIPS('10m')),
    '12:41',
    'no step can be skipped: each is the last, or one behind it asks for more than a weight and a hold',
  ],
  [
    'approval-beyond-deadline',
    plan(steps(GOOD, '{ weight: 50, hold: 5m, approval: { within: 2h } }') + JUDGED + DEADLINE),
    '9:53',
    'step step-2 gives whoever approves 2h, the deadline is 2h from the start',
  ],
  [
    'hold-below-scrapes',
    plan(`  strategy: { use: canary, with: { hold: 5m } }\n${JUDGED}${DEADLINE}`),
    '6:42',
    'step step-1 is held for 5m, four scrapes take 8m (of the slowest fleet of -c, as no Route says which it is); so it is with 3 more',
    {
      ...NOTHING,
      config: {
        ...CONFIG,
        scrapeMs: new Map([
          ['edge', 15_000],
          ['mesh', 120_000],
          ['blind', null],
        ]),
      },
    },
  ],
  [
    'no-metrics',
    plan(steps(GOOD, HALF) + JUDGED + DEADLINE) + ROUTE,
    '10:13',
    'the plan has analyses, and fleet edge has no metrics',
    { ...NOTHING, config: { ...CONFIG, scrapeMs: new Map([['edge', null]]) } },
  ],
  [
    'no-health-check',
    'apiVersion: serin.dev/v1\nkind: Backend\nmetadata: { name: shop }\nspec: { initial: { revision: v1, endpoints: { static: ["10.0.0.1:80"] } } }\n',
    '4:7',
    'nothing tells whether an endpoint of shop is healthy',
  ],
];

describe('what makes no sense', () => {
  it.each(CASES.map(([code, ...rest]) => [code, rest] as const))('%s', (code, [text, place, message, facts]) => {
    const found = lint(text, facts).map((one) => [one.code, `${one.place?.line}:${one.place?.column}`, one.message]);
    expect(found).toEqual([[code, place, message]]);
  });

  it('has a case of every rule', () => {
    expect(new Set(CASES.map(([code]) => code))).toEqual(new Set(Object.keys(LINT_RULES)));
  });
});

describe('what makes sense', () => {
  const sound = plan(`  strategy: { use: canary }\n${JUDGED}${DEADLINE}  notify: [deploys]\n`);

  it.each(shippedStrategies().shipped.map(({ name }) => name))('a plan that uses the shipped %s', (name) => {
    expect(lint(plan(`  strategy: { use: ${name} }\n${JUDGED}  deadline: 3h\n`))).toEqual([]);
  });

  it.each([
    [
      'patience for a look that sees nothing',
      plan(`${steps(GOOD, HALF)}${JUDGED}${DEADLINE}  inconclusiveAfter: 30s\n`),
      NOTHING,
    ],
    ['a plan of which nothing else is known', sound, NOTHING],
    ['a plan with traffic', sound + ROUTE, { ...rps(200, 0.002), config: CONFIG }],
    [
      'a switch at once after a preview that a person approves',
      plan(`  strategy: { use: blue-green, with: { hold: 5m } }\n${JUDGED}${DEADLINE}`),
      rps(1),
    ],
  ])('%s', (_, text, facts) => {
    expect(lint(text, facts)).toEqual([]);
  });
});

describe('what the plan asks of its judge', () => {
  const judged = (judge: string, more = '', ...all: readonly string[]) =>
    lint(plan(steps(...(all.length === 0 ? [GOOD, HALF] : all)) + JUDGED + DEADLINE + judge + more), rps(2));
  const messages = (...args: Parameters<typeof judged>) => judged(...args).map(({ code, message }) => [code, message]);

  it('says how much evidence it takes', () => {
    expect(messages('')).toEqual([['power-out-of-reach', expect.stringContaining('takes 2h3m more at 50 %')]]);
    const far = '  judge: { name: sequential, mde: 20 }\n';
    expect(judged(far)).toEqual([]);
    const farther = '  judge: { name: sequential, mde: 8 }\n';
    expect(messages(farther)).toEqual([
      ['power-stretches', expect.stringContaining('to have seen a 8-fold regression')],
    ]);
    const lax = '  judge: { name: sequential, alpha: 0.2 }\n';
    expect(messages(lax)).toEqual([['power-stretches', expect.stringContaining('5-fold')]]);
    const strict = '  judge: { name: sequential, margin: 4 }\n';
    expect(messages(strict)).toEqual([['power-out-of-reach', expect.stringMatching(/takes \d+d/)]]);
    expect(judged('  judge: { name: threshold }\n')).toEqual([]);
  });

  it('is waited for in the last step that both arms share', () => {
    expect(messages('', '', GOOD, HALF, '{ weight: 100, hold: 5m }')).toEqual([
      ['power-out-of-reach', expect.stringContaining('more at 50 %')],
    ]);
  });
});

describe('so many requests as an analysis needs', () => {
  const needing = (judge: string, least: string, ...all: readonly string[]) =>
    lint(
      plan(
        `${steps(...all)}  analysis: [{ use: error-rate${least} }]\n  deadline: 30m\n  onInconclusive: promote\n${judge}`,
      ),
      rps(1, 0.9),
    ).map(({ code, path }) => [code, path]);
  const MANY = ', with: { minRequests: 5000 }';
  const THRESHOLD = '  judge: { name: threshold }\n';

  it('are not asked for where the sequential judge compares', () => {
    expect(needing('', MANY, GOOD, HALF)).toEqual([]);
    expect(needing(THRESHOLD, MANY, GOOD, HALF)).toEqual([
      ['requests-out-of-reach', 'spec.analysis[0].with.minRequests'],
    ]);
  });

  it('are asked for by its limits, where all requests go to the canary', () => {
    expect(needing('', MANY, GOOD, HALF, '{ weight: 100, hold: 5m }')).toEqual([
      ['requests-out-of-reach', 'spec.analysis[0].with.minRequests'],
    ]);
  });

  it('are as many as the judge takes for enough, where the plan does not say', () => {
    expect(needing(THRESHOLD, '', GOOD, HALF)).toEqual([['requests-out-of-reach', 'spec.analysis[0]']]);
    expect(needing('  judge: { name: flagger }\n', '', GOOD, HALF)).toEqual([]);
  });
});

describe('a step that mirrors', () => {
  const DARK = '{ weight: 0, mirror: { percent: 20 }, hold: 5m }';
  const found = (...args: Parameters<typeof lint>) => lint(...args).map(({ code, path }) => [code, path]);

  it('is judged by the analyses of the plan', () => {
    const short = plan(steps(DARK.replace('5m', '30s'), GOOD, HALF) + JUDGED + DEADLINE);
    expect(found(short)).toEqual([['hold-below-scrapes', 'spec.strategy.steps[0].hold']]);
    const alone = plan(steps('{ weight: 0, mirror: { percent: 20 } }') + JUDGED + DEADLINE);
    expect(found(alone)).toEqual([['hold-below-scrapes', 'spec.strategy.steps[0].hold']]);
    expect(
      found(plan(steps('{ weight: 0, hold: 5m, approve: true }', DARK.replace('5m', '30s')) + JUDGED)),
    ).toContainEqual(['hold-below-scrapes', 'spec.strategy.steps[1].hold']);
  });

  it('sends so many copies to the canary', () => {
    const asks = (percentage: number) =>
      `{ weight: 0, mirror: { percent: ${percentage} }, hold: 5m, until: { requests: 3000, atMost: 10m } }`;
    const at = (percentage: number) =>
      lint(plan(steps(asks(percentage), GOOD, HALF) + JUDGED + DEADLINE), rps(20, 0.5));
    expect(at(50)).toEqual([]);
    expect(at(20).map(({ message }) => message)).toEqual([
      'step step-1 waits for 3000 requests to the canary; at 20 a second and 20 % they take 12m30s, 10m are left to it',
    ]);
  });

  it('changes nothing where the one before copied as many', () => {
    const again = '{ weight: 0, mirror: { percent: 20 } }';
    expect(found(plan(steps(DARK, again, GOOD, HALF) + DEADLINE))).toContainEqual([
      'idle-step',
      'spec.strategy.steps[1].weight',
    ]);
    const more = '{ weight: 0, mirror: { percent: 40 } }';
    expect(found(plan(steps(DARK, more, GOOD, HALF) + DEADLINE)).map(([code]) => code)).not.toContain('idle-step');
  });
});

describe('what a finding points at', () => {
  const own =
    '{ weight: 5, hold: 5m, analysis: [{ name: y, query: up, max: 1, window: 5m }, { name: z, query: up, max: 1, window: 9s }] }';

  it('is the analysis of the step, counted there', () => {
    const [one] = lint(plan(steps(own, HALF) + JUDGED + DEADLINE));
    expect([one?.code, one?.path]).toEqual(['window-below-scrapes', 'spec.strategy.steps[0].analysis[1].window']);
    const many = '{ weight: 100, hold: 5m, analysis: [{ use: error-rate, name: e, with: { minRequests: 1000000 } }] }';
    const [asks] = lint(plan(steps(GOOD, HALF, many) + JUDGED + DEADLINE), rps(100, 0.5));
    expect([asks?.code, asks?.path]).toEqual([
      'requests-out-of-reach',
      'spec.strategy.steps[2].analysis[0].with.minRequests',
    ]);
  });

  it('is the use of a strategy whose analyses it means', () => {
    const strategy = `---\napiVersion: serin.dev/v1\nkind: Strategy\nmetadata: { name: own }\nspec:\n  steps: [${own}, ${HALF}]\n`;
    const [one] = lint(plan(`  strategy: { use: own }\n${JUDGED}${DEADLINE}`) + strategy);
    expect([one?.code, one?.path]).toEqual(['window-below-scrapes', 'spec.strategy.use']);
  });
});

it('a fleet that gets copies alone need not be one of the rollout', () => {
  const copies = ROUTE.replace('fleet: edge', 'fleet: dark')
    .replace('name: shop', 'name: dark')
    .replace('backend: shop', 'backend: other, mirror: { backend: shop }');
  const config = { ...CONFIG, scrapeMs: new Map([['edge', 15_000] as const, ['dark', null] as const]) };
  expect(lint(plan(steps(GOOD, HALF) + JUDGED + DEADLINE) + ROUTE + copies, { ...NOTHING, config })).toEqual([]);
});

it('a plan without steps is judged by its bake', () => {
  const instant = (analysis: string) => lint(plan(`  strategy: { use: instant }\n${analysis}${DEADLINE}`));
  expect(instant(JUDGED)).toEqual([]);
  expect(instant('').map(({ code }) => code)).toEqual(['no-analysis']);
});

describe('a test with variants', () => {
  const tested = (arms: string, weights: string, more = '') =>
    plan(`${arms}${steps(`{ ${weights}, hold: 5m${more} }`)}${JUDGED}${DEADLINE}`);
  const evidenceOf = (text: string, many: number) =>
    lint(text, rps(many)).filter(({ code }) => code.startsWith('power') || code.startsWith('requests'));

  it('is told how long its smallest arm takes, at its share of alpha', () => {
    const [one] = evidenceOf(tested('', 'weight: 50'), 10);
    const [three] = evidenceOf(
      tested('  variants: [green, blue]\n', 'weights: { stable: 40, canary: 25, green: 25, blue: 10 }'),
      10,
    );
    expect(one?.code).toBe('power-stretches');
    expect(three?.code).toBe('power-stretches');
    expect(three?.message).toContain(
      'more at 10 % to have seen a 5-fold regression of blue (alpha is shared by 3 arms)',
    );
  });

  it('has evidence out of reach where one canary with the same traffic has not', () => {
    expect(evidenceOf(tested('', 'weight: 50'), 4)[0]?.code).toBe('power-stretches');
    const weights = 'weights: { stable: 25, canary: 25, green: 25, blue: 25 }';
    expect(evidenceOf(tested('  variants: [green, blue]\n', weights), 4)[0]?.code).toBe('power-out-of-reach');
  });

  it('waits for the requests of its smallest arm', () => {
    const text = tested(
      '  variants: [green]\n',
      'weights: { stable: 50, canary: 40, green: 10 }',
      ', until: { requests: 9000, atMost: 1h }',
    );
    const found = evidenceOf(text, 20).find(({ code }) => code === 'requests-out-of-reach');
    expect(found?.message).toContain('waits for 9000 requests to green; at 20 a second and 10 % they take');
  });
});

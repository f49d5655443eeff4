import { describe, expect, it } from 'vitest';
import { parseWorld } from '../../../src/core/simulation/parse-world.ts';
import { documentsOf, jointPlan, shopPlan, TESTED } from '../../support/simulated.ts';

const PLAN = documentsOf(
  shopPlan(`  strategy:
    steps:
      - { name: few, weight: 5, webhook: { target: checks } }
      - { name: half, weight: 50, approve: true }
  analysis:
    - use: error-rate
    - { name: declined, query: "sum(rate(declined_total[{{ window }}]))", relative: { factor: 2 } }
`),
).plan.spec;

const read = (text: string, plan = PLAN) => parseWorld({ file: 'world.yaml', text }, plan);

const WHOLE = `requests: 50
stable: { errors: 0.002 }
queries: { declined: { canary: 1, stable: 1 } }
hooks: { checks: open }
`;

function mistakes(text: string, plan = PLAN) {
  const result = read(text, plan);
  if (result.kind === 'ok') return [];
  return result.errors.map(({ code, message, place }) => `${code} ${place?.line}:${place?.column} ${message}`);
}

describe('a world is refused', () => {
  it.each([
    ['a key that nobody knows', `${WHOLE}enovys: 3\n`, '5:1 unknown key "enovys". Did you mean "envoys"?'],
    ['a share that is a percentage', WHOLE.replace('0.002', '2'), '2:19 expected a fraction from 0 to 1 (1 % is 0.01)'],
    ['a time without a unit', `${WHOLE}scrape: 15\n`, '5:9 expected a duration like 30s'],
    ['a moment without a zone', `${WHOLE}starts: 2026-01-31T14:00\n`, '5:9 expected a moment with its zone'],
    [
      'a list whose first entry is not for the beginning',
      WHOLE.replace('50', '[{ at: 5m, rps: 50 }]'),
      '1:12 the first entry is what is so from the beginning',
    ],
    [
      'a later entry without a time or a share',
      WHOLE.replace('50', '[{ rps: 50 }, { rps: 60 }]'),
      '1:25 expected at (a time), weight (a share of the canary) or both',
    ],
    ['an empty list', WHOLE.replace('50', '[]'), '1:11 expected at least one entry'],
    ['a hook that says what no hook says', WHOLE.replace('open', 'yes'), '4:18 expected one of open, wait'],
    ['two documents', `${WHOLE}---\nrequests: 1\n`, 'expected one YAML document'],
    ['no document', '# nothing\n', '1:1 the file has no document'],
    ['no requests', WHOLE.replace('requests: 50\n', ''), 'expected requests per second'],
  ])('for %s', (_, text, words) => {
    expect(mistakes(text).join('\n')).toContain(words);
    expect(mistakes(text).every((line) => line.startsWith('SERIN_'))).toBe(true);
  });

  it('for everything that the plan asks and it leaves out, all at once', () => {
    expect(mistakes('requests: 50\nstable: { errors: 0.002 }\n')).toEqual([
      'SERIN_WORLD_INVALID 1:1 the plan asks the query of analysis declined, and the world does not say what it answers',
      'SERIN_WORLD_INVALID 1:1 a step of the plan asks hook checks, and the world does not say what it answers',
    ]);
    expect(mistakes(WHOLE.replace(', stable: 1', '')).join()).toContain('analysis declined compares with stable');
  });

  it('for latency that the plan judges and nothing is said of', () => {
    const timed = documentsOf(
      shopPlan('  strategy: { steps: [{ weight: 5 }] }\n  analysis: [{ use: latency, with: { objective: 250ms } }]\n'),
    ).plan.spec;
    expect(mistakes('requests: 1\nstable: { errors: 0 }\n', timed).join()).toContain('is about latency');
  });

  it('for names that the plan does not have, with the one that was meant', () => {
    const text = `${WHOLE}people: { approve: { hlaf: 5m } }\n`.replace(
      'declined: {',
      'declnied: { canary: 1 }, declined: {',
    );
    expect(mistakes(text)).toEqual([
      'SERIN_WORLD_INVALID 3:12 the plan has no analysis with a query declnied. Did you mean "declined"?',
      'SERIN_WORLD_INVALID 5:22 the plan has no step to approve hlaf. Did you mean "half"?',
    ]);
  });
});

describe('a world of a joint plan is refused', () => {
  const joint = documentsOf(
    jointPlan('  strategy: { steps: [{ weight: 5 }] }\n  analysis: [{ name: lost, query: lost, max: 1 }]\n'),
  ).plan.spec;
  const one = '{ requests: 9, stable: { errors: 0 }, queries: { lost: { canary: 0 } } }';

  it.each([
    [
      'without its backends',
      'envoys: 1\n',
      '1:1 the plan rolls out backend shop, and the world does not say how it is',
    ],
    ['without one of them', `backends:\n  shop: ${one}\n`, '2:3 the plan rolls out backend cart'],
    [
      'with one that it has not',
      `backends:\n  shop: ${one}\n  cart: ${one}\n  crat: ${one}\n`,
      '4:3 the plan has no backend crat. Did you mean "cart"?',
    ],
    [
      'with what is of none of them',
      `requests: 50\nbackends:\n  shop: ${one}\n  cart: ${one}\n`,
      '1:1 the plan rolls out shop, cart together, and this says of none of them what it is about',
    ],
    [
      'where a query of one is not said',
      `backends:\n  shop: ${one}\n  cart: { requests: 9, stable: { errors: 0 } }\n`,
      '3:9 the plan asks the query of analysis lost, and the world does not say what it answers (of cart)',
    ],
    [
      'with a mistake in one of them',
      `backends:\n  shop: ${one}\n  cart: { requests: 9, stable: { errors: 7 } }\n`,
      '3:42 expected a fraction from 0 to 1',
    ],
  ])('%s', (_, text, words) => {
    expect(mistakes(text, joint).join('\n')).toContain(words);
  });

  it('a world of several is none of a plan of one', () => {
    const text = `backends: { shop: { requests: 9, stable: { errors: 0 } } }\n`;
    expect(mistakes(text).join()).toContain('1:1 the plan rolls out shop alone');
  });
});

describe('a world of a test with variants is refused', () => {
  const tested = documentsOf(TESTED).plan.spec;
  const whole = `requests: 50
stable: { errors: 0 }
variants: { green: {} }
queries: { lost: { canary: 0, variants: { green: 0 } } }
readout: { bought: { users: 1, stable: 0.1, canary: 0.1, variants: { green: 0.1 } } }
people: { commands: [{ at: 1h, do: promote, arm: green }] }
`;

  it.each([
    [
      'without the variant',
      whole.replace('green: {}', ''),
      '3:11 the plan tests variant green, and the world does not',
    ],
    ['without any variants', whole.replace(/variants: { green: {} }\n/, ''), '1:1 the plan tests variant green'],
    [
      'with a variant that it has not',
      whole.replace('green: {}', 'green: {}, gren: {}'),
      '3:24 the plan has no variant gren. Did you mean "green"?',
    ],
    [
      'where a query says nothing of the variant',
      whole.replace(', variants: { green: 0 }', ''),
      '4:18 the plan tests variant green, and the world does not say what the query of lost answers about it',
    ],
    [
      'where a readout says nothing of the variant',
      whole.replace(', variants: { green: 0.1 }', ''),
      '5:20 the plan tests variant green, and the world does not say what its users do by bought',
    ],
    [
      'with a readout that it has not',
      whole.replace('bought', 'bougth'),
      'no readout with successes bougth. Did you mean',
    ],
    [
      'with a promotion of nobody',
      whole.replace(', arm: green', ''),
      '6:22 the plan tests several arms: which of them',
    ],
    ['with a promotion of who is none', whole.replace('arm: green', 'arm: blue'), 'the plan has no arm blue'],
    [
      'with an arm that is aborted',
      whole.replace('do: promote', 'do: abort'),
      'abort is about all arms, not about green',
    ],
  ])('%s', (_, text, words) => {
    expect(mistakes(text, tested).join('\n')).toContain(words);
  });

  it('variants are nothing that a plan of one canary has', () => {
    expect(mistakes(`${WHOLE}variants: { green: {} }\n`).join()).toContain('5:13 the plan has no variant green');
    const text = `${WHOLE}people: { commands: [{ at: 1h, do: promote, arm: green }] }\n`;
    expect(mistakes(text).join()).toContain('the plan has no arm green');
  });

  it('and otherwise it is not', () => {
    expect(mistakes(whole, tested)).toEqual([]);
  });
});

describe('a world', () => {
  it('has a canary like stable where it does not say otherwise, and the usual Envoys', () => {
    const result = read(`${WHOLE}canary: { latency: { p50: 40ms, p99: 300ms } }\n`);
    expect(result).toMatchObject({
      kind: 'ok',
      value: {
        ...{ envoys: 2, scrapeMs: 15_000, ackMs: 50, testers: 0 },
        backends: [
          {
            backend: 'shop',
            requests: [{ atMs: 0, weight: 0, rps: 50 }],
            stable: { errors: [{ ratio: 0.002 }], latency: null },
            arms: [{ name: 'canary', readyMs: 0, errors: [{ ratio: 0.002 }], latency: [{ p50Ms: 40, p99Ms: 300 }] }],
          },
        ],
        people: { approve: null, as: null, commands: [] },
      },
    });
  });
});

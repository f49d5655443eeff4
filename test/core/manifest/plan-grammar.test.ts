import { expect, it } from 'vitest';
import { parseDocuments } from '../../../src/core/manifest/parse-documents.ts';
import { shippedStrategies } from '../../../src/platform/strategy-files.ts';

const plan = (analysis: string, own: string) => `apiVersion: serin.dev/v1
kind: Plan
metadata: { name: checkout }
spec:
  backend: checkout
  strategy: { steps: [{ weight: 10, hold: 10s, analysis: ${own} }] }
  analysis: ${analysis}
  deadline: 10m
`;
const query = (expression: string, max: number) => `{ name: declined, query: '${expression}', max: ${max} }`;

// Answers of queries are kept by name (engine/observe.ts): of two with one name, one is judged by the other's answer.
it.each([
  ['in the plan and in one of its steps', `[${query('declined_share', 0.01)}]`, `[${query('queue_length', 100)}]`],
  ['twice in one step', '[{ use: error-rate }]', `[${query('declined_share', 0.01)}, ${query('queue_length', 100)}]`],
])('two queries of one name %s are refused', (_, analysis, own) => {
  const parsed = parseDocuments([{ file: 'plan.yaml', text: plan(analysis, own) }], {
    ...shippedStrategies(),
    stored: [],
  });
  expect(parsed.kind).toBe('error');
});

it.each([
  ['bake: 10m', '`deadline: 10m`', 'the bake has to end before the deadline of 10m'],
  ['bake: 1s', '10s at least', 'expected a duration like 30s or 1h30m, from 10s to 7d'],
  ['bake: 8d', '7d at most', 'expected a duration like 30s or 1h30m, from 10s to 7d'],
])('a %s is refused at its line: %s', (bake, _, message) => {
  const text = `${plan('[]', '[]')}  ${bake}\n`;
  const parsed = parseDocuments([{ file: 'plan.yaml', text }], { ...shippedStrategies(), stored: [] });
  expect(parsed.kind === 'error' ? parsed.errors : []).toMatchObject([
    { message, path: 'spec.bake', place: { line: 9 } },
  ]);
});

const joint = (own: string, backends = 'backends: [shop, cart]') => `apiVersion: serin.dev/v1
kind: Plan
metadata: { name: release }
spec:
  ${backends}
  strategy: { steps: [{ weight: 10, hold: 10s }] }
  ${own}
  deadline: 10m
`;
const read = (text: string) => parseDocuments([{ file: 'plan.yaml', text }], { ...shippedStrategies(), stored: [] });

it('a plan of several backends has the first of them as its own, and the others beside it', () => {
  const parsed = read(joint('colour: { header: x-serin-arm }'));
  expect(parsed).toMatchObject({
    value: [
      { document: { spec: { backend: 'shop', joint: { others: ['cart'], colour: { header: 'x-serin-arm' } } } } },
    ],
  });
});

it('a plan of one backend says nothing of others', () => {
  const parsed = read(joint('notify: []', 'backend: shop'));
  expect(parsed.kind === 'ok' && parsed.value[0]?.document).not.toHaveProperty('spec.joint');
});

it.each([
  ['one backend in a list', 'notify: []', 'backends: [shop]', 'backends', /expected at least two/],
  ['five of them', 'notify: []', 'backends: [a, b, c, d, e]', 'backends', /at most 4 backends/],
  ['one of them twice', 'notify: []', 'backends: [a, b, a]', 'backends[2]', /a is in the list already/],
  ['both words', 'backend: shop', 'backends: [shop, cart]', 'backend', /either backend or backends/],
  ['neither', 'notify: []', 'judge: { name: threshold }', 'backend', /expected a name/],
  ['a colour without others', 'colour: { header: x-arm }', 'backend: shop', 'colour', /to the others/],
  ['a header that is none', 'colour: { header: X Arm }', 'backends: [a, b]', 'colour.header', /name of a header/],
  [
    'a header that Envoy lets nobody change',
    'colour: { header: host }',
    'backends: [a, b]',
    'colour.header',
    /its own/,
  ],
  ['one that frames a request', 'colour: { header: content-length }', 'backends: [a, b]', 'colour.header', /its own/],
  ['one that Envoy obeys', 'colour: { header: x-envoy-retry-on }', 'backends: [a, b]', 'colour.header', /its own/],
  ['a start that waits', 'onNewRevision: queue', 'backends: [a, b]', 'onNewRevision', /expected reject/],
  ['a start that takes the place', 'onNewRevision: supersede', 'backends: [a, b]', 'onNewRevision', /expected reject/],
  [
    'a readout',
    'readout: [{ name: x, users: "u{r=\'{{ arm.revision }}\'}", successes: "s{r=\'{{ arm.revision }}\'}" }]',
    'backends: [a, b]',
    'readout',
    /of one backend/,
  ],
  ['a revision whose name is none', 'revision: "../v2"', 'backends: [a, b]', 'revision', /expected letters/],
  ['a revision that is a number', 'revision: 42', 'backends: [a, b]', 'revision', /needs quotes/],
  ['one of them that is none', 'revision: { a: v1, b: "" }', 'backends: [a, b]', 'revision.b', /expected letters/],
  ['a revision of another backend', 'revision: { a: v1, c: v2 }', 'backends: [a, b]', 'revision', /c is no backend/],
  ['a revision of some', 'revision: { a: v1 }', 'backends: [a, b]', 'revision', /which revision of b is not said/],
  ['users who stay', 'sticky: { cookie: {} }', 'backends: [a, b]', 'strategy.steps[0]', /a colour keeps each request/],
])('%s in a plan is refused where it is written', (_, own, backends, path, message) => {
  const parsed = read(joint(own, backends));
  const errors = parsed.kind === 'error' ? parsed.errors : [];
  expect(errors.map((error) => [error.path, error.message])).toContainEqual([
    `spec.${path}`,
    expect.stringMatching(message),
  ]);
  expect(errors.every(({ place }) => place !== undefined)).toBe(true);
});

const tested = (steps: string, own = 'notify: []') => `apiVersion: serin.dev/v1
kind: Plan
metadata: { name: search }
spec:
  backend: search
  variants: [green]
  strategy: { steps: ${steps} }
  ${own}
  deadline: 10m
`;

it('a plan with variants has a weight for each arm, and stable gets the rest', () => {
  const matches = '[{ headers: [{ name: x-arm, value: green }], arm: green }]';
  const parsed = read(tested(`[{ weights: { stable: 34, canary: 33, green: 33 }, matches: ${matches} }]`));
  const header = { name: 'x-arm', type: 'Exact', value: 'green' };
  expect(parsed).toMatchObject({
    value: [
      {
        document: {
          spec: {
            variants: ['green'],
            strategy: {
              steps: [{ weight: 3_300, weights: { green: 3_300 }, matches: [{ headers: [header], arm: 'green' }] }],
            },
          },
        },
      },
    ],
  });
});

const EVEN = '[{ weights: { canary: 30, green: 30 }, hold: 1m }]';

it.each([
  ['no weight at all', '[{ hold: 1m }]', 'notify: []', 'strategy.steps[0].weight', /or weights with one for each/],
  ['both words', '[{ weight: 5, weights: { canary: 5 } }]', 'notify: []', 'strategy.steps[0].weight', /either weight/],
  [
    'more than all',
    '[{ weights: { canary: 60, green: 50 } }]',
    'notify: []',
    'strategy.steps[0].weights',
    /110 % together/,
  ],
  [
    'less than all with stable named',
    '[{ weights: { stable: 30, canary: 30, green: 30 } }]',
    'notify: []',
    'strategy.steps[0].weights',
    /expected 100/,
  ],
  ['no canary', '[{ weights: { green: 30 } }]', 'notify: []', 'strategy.steps[0].weights', /one for the canary/],
  [
    'an arm that is none',
    '[{ weights: { canary: 5, blue: 5 } }]',
    'notify: []',
    'strategy.steps[0].weights',
    /no arm blue/,
  ],
  ['an arm without a share', '[{ weight: 5 }]', 'notify: []', 'strategy.steps[0].weight', /green would get nothing/],
  [
    'nothing for stable',
    '[{ weights: { canary: 50, green: 50 } }]',
    'notify: []',
    'strategy.steps[0].weights',
    /stable would/,
  ],
  [
    'an arm that falls',
    '[{ weights: { canary: 5, green: 30 } }, { weights: { canary: 30, green: 5 } }]',
    'notify: []',
    'strategy.steps[1].weights',
    /the weight of green falls from 30 to 5/,
  ],
  [
    'a match for an arm that is none',
    '[{ weight: 0, matches: [{ method: GET, arm: blue }] }]',
    'notify: []',
    'strategy.steps[0].matches[0]',
    /no arm blue/,
  ],
  ['copies', '[{ weight: 0, mirror: { percent: 5 } }]', 'notify: []', 'strategy.steps[0].mirror', /for one canary/],
  [
    'headers of one arm',
    '[{ weights: { canary: 5, green: 5 }, headers: { request: { set: { x-a: b } } } }]',
    'notify: []',
    'strategy.steps[0].headers',
    /for one canary/,
  ],
  [
    'a hash over shares that change',
    '[{ weights: { canary: 5, green: 5 } }, { weights: { canary: 30, green: 30 } }]',
    'sticky: { hash: { header: x-user } }',
    'strategy.steps[1].weights',
    /come to another/,
  ],
  ['a start that waits', EVEN, 'onNewRevision: queue', 'onNewRevision', /expected reject/],
  ['a revision that its apply starts', EVEN, 'revision: v2', 'revision', /a revision for each arm/],
  [
    'steps that are skipped',
    EVEN,
    'judge: { name: sequential, skipAfter: 20m }\n  bake: 1m',
    'judge.skipAfter',
    /ends with/,
  ],
])('%s in a test with variants is refused where it is written', (_, steps, own, path, message) => {
  const parsed = read(tested(steps, own));
  const errors = parsed.kind === 'error' ? parsed.errors : [];
  expect(errors.map((error) => [error.path, error.message])).toContainEqual([
    `spec.${path}`,
    expect.stringMatching(message),
  ]);
});

it.each([
  ['stable', /there without being named/],
  ['canary', /there without being named/],
  ['green, green', /in the list already/],
  ['a, b, c, d', /at most 3 variants/],
])('variants: [%s] are refused', (names, message) => {
  const parsed = read(tested(EVEN).replace('[green]', `[${names}]`));
  expect(parsed.kind === 'error' && parsed.errors.map((error) => error.message).join()).toMatch(message);
});

it('a test is of one backend', () => {
  const parsed = read(tested(EVEN).replace('backend: search', 'backends: [search, cart]'));
  expect(parsed.kind === 'error' && parsed.errors.map((error) => error.message)).toContain(
    'a test with variants is of one backend',
  );
});

it.each([
  ['variants: green', 'variants', 'expected a list of names'],
  ['backends: shopandcart', 'backends', 'expected a list of backends'],
])('%s is told once, and nothing of its length', (own, path, message) => {
  const parsed = read(joint(own, path === 'backends' ? 'notify: []' : 'backend: shop'));
  const errors = parsed.kind === 'error' ? parsed.errors : [];
  expect(errors.filter((error) => error.path === `spec.${path}`).map((error) => error.message)).toEqual([message]);
});

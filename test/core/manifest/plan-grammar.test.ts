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
  ['a revision that is a number', 'revision: 42', 'backends: [a, b]', 'revision', /name of a revision/],
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

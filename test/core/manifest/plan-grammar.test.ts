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

import { describe, expect, it } from 'vitest';
import { effectivePlans } from '../../../src/core/manifest/effective/effective-plan.ts';
import { planYaml } from '../../../src/core/manifest/effective/plan-yaml.ts';
import { parseDocuments } from '../../../src/core/manifest/parse-documents.ts';
import { formatError } from '../../../src/core/model/format-error.ts';

const NOTHING = { shipped: [], stored: [] };
const plan = (webhook: string) => ({
  file: 'p.yaml',
  text: `apiVersion: serin.dev/v1\nkind: Plan\nmetadata: { name: p }\nspec:\n  backend: b\n  strategy:\n    steps:\n      - weight: 20\n        webhook: ${webhook}\n`,
});

const parse = (webhook: string) => parseDocuments([plan(webhook)], NOTHING);

function errorsOf(webhook: string): readonly string[] {
  const parsed = parse(webhook);
  return parsed.kind === 'error' ? parsed.errors.map(formatError) : [];
}

function specOf(webhook: string) {
  const parsed = parse(webhook);
  if (parsed.kind === 'error') throw new Error(parsed.errors.map(formatError).join('\n'));
  const [first] = parsed.value;
  return { parsed: parsed.value, step: first?.document.kind === 'Plan' ? first.document.spec.strategy.steps[0] : null };
}

describe('a webhook of a step that cannot be meant', () => {
  it.each([
    ['load-test', '9:18', 'expected a mapping with target, every, timeout'],
    ['{}', '9:18', 'expected a name'],
    ['{ target: a, url: "http://a" }', '9:31', 'unknown key "url"'],
    ['{ target: a, evry: 5s }', '9:31', 'Did you mean "every"?'],
    ['{ target: a, every: 500ms }', '9:38', 'expected a duration like 30s or 1h30m, from 1s to 1h'],
    ['{ target: a, timeout: 10 }', '9:40', 'a number has no unit'],
    ['{ target: a, timeout: 2m }', '9:40', 'from 100ms to 1m'],
    ['{ target: a, otherwise: hold }', '9:42', 'it never comes to that without within'],
    ['{ target: a, within: 5m, otherwise: advance }', '9:54', 'expected one of rollback, hold'],
    ['{ target: a, metadata: { "a b": c } }', '9:50', 'expected a name of letters'],
    ['{ target: a, metadata: { a: 5 } }', '9:46', 'expected text'],
  ])('%s', (webhook, place, message) => {
    const [first] = errorsOf(webhook);
    expect(first).toMatch(new RegExp(`^p\\.yaml:${place}: `));
    expect(first).toContain(message);
  });
});

it('a webhook says what it leaves out, and means the same when that is written out', () => {
  const { parsed, step } = specOf('{ target: load-test }');
  expect(step?.webhook).toEqual({
    ...{ target: 'load-test', everyMs: 30_000, timeoutMs: 10_000, withinMs: null, otherwise: 'rollback' },
  });
  const [effective] = effectivePlans(parsed, NOTHING);
  if (effective === undefined) throw new Error('no plan');
  const lines = planYaml(effective).map((line) => line.trim());
  expect(lines).toEqual(
    expect.arrayContaining([
      'webhook:',
      'target: load-test',
      'every: 30s # default',
      'timeout: 10s # default',
      "# within: the plan's deadline # default",
      '# otherwise: rollback # default',
    ]),
  );
  const again = parseDocuments([{ file: 'q.yaml', text: planYaml(effective).join('\n') }], NOTHING);
  expect(again.kind === 'ok' && again.value[0]?.document).toEqual(parsed[0]?.document);
});

it('a webhook is read to its last key', () => {
  const text =
    '{ target: a, every: 5s, timeout: 1s, within: 30m, otherwise: hold, metadata: { scenario: peak, at: "100 %" } }';
  const { parsed, step } = specOf(text);
  expect(step?.webhook).toEqual({
    ...{ target: 'a', everyMs: 5_000, timeoutMs: 1_000, withinMs: 1_800_000, otherwise: 'hold' },
    metadata: { scenario: 'peak', at: '100 %' },
  });
  const [effective] = effectivePlans(parsed, NOTHING);
  const again = parseDocuments(
    [{ file: 'q.yaml', text: effective === undefined ? '' : planYaml(effective).join('\n') }],
    NOTHING,
  );
  expect(again.kind === 'ok' && again.value[0]?.document).toEqual(parsed[0]?.document);
});

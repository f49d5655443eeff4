import { describe, expect, it } from 'vitest';
import { expandStrategy, StrategyGrammar } from '../../../src/core/manifest/strategy-grammar.ts';

const strategy = (spec: object) => StrategyGrammar.parse(spec);
const expanded = (spec: object, given: Readonly<Record<string, unknown>> = {}) => expandStrategy(strategy(spec), given);
const messages = (spec: object, given = {}) => expanded(spec, given).errors.map(({ message }) => message);

const BY = { type: 'choice', options: ['share', 'header'], default: 'share' };
const step = { weight: 1 };

describe('a strategy is refused', () => {
  it.each([
    ['a choice without options', { parameters: { by: { type: 'choice' } }, steps: [step] }],
    ['options of what is no choice', { parameters: { by: { type: 'text', options: ['a'] } }, steps: [step] }],
    ['a default that is no option', { parameters: { by: { ...BY, default: 'both' } }, steps: [step] }],
    ['a default that is no count', { parameters: { times: { type: 'count', default: 0 } }, steps: [step] }],
  ])('with %s', (_, spec) => {
    expect(StrategyGrammar.safeParse(spec).success).toBe(false);
  });

  it('where it repeats by what is no count, or asks for what is no parameter', () => {
    expect(messages({ steps: [{ ...step, repeat: 'times' }] }).join()).toContain('which is no count');
    expect(messages({ steps: [{ ...step, when: { by: 'share' } }] }).join()).toContain('which is no parameter');
    expect(messages({ steps: [{ ...step, when: 'by' }] }).join()).toContain('which is no parameter');
  });

  it('where a plan gives what is no option, or too large a count', () => {
    expect(messages({ parameters: { by: BY }, steps: [step] }, { by: 'both' })).toEqual([
      'expected one of share, header',
    ]);
    const times = { type: 'count', default: 2 };
    expect(messages({ parameters: { times }, steps: [step] }, { times: 51 })).toEqual([
      'expected whole number from 1 to 50',
    ]);
  });
});

it('repeats a step so many times, and leaves out those that are for another choice', () => {
  const spec = {
    parameters: { by: BY, times: { type: 'count', default: 2 } },
    steps: [
      { when: { by: 'share' }, repeat: 'times', weight: 50 },
      { when: { by: 'header' }, weight: 0 },
    ],
  };
  expect(expanded(spec).steps).toEqual([{ weight: 50 }, { weight: 50 }]);
  expect(expanded(spec, { by: 'header' }).steps).toEqual([{ weight: 0 }]);
});

describe('a query in a step of a strategy', () => {
  const asking = (query: string) => expanded({ steps: [{ ...step, analysis: [{ name: 'x', query, max: 1 }] }] });

  it.each([
    'up{job="{{ backend }}"}',
    'up{v="{{ canary.revision }}"}',
    'up{v="{{ stable.cluster }}"}',
    'up{v="{{ arm.revision }}"}',
    'rate(up[{{window}}])',
  ])('keeps %s for when it is asked', (query) => {
    expect(asking(query)).toEqual({
      steps: [{ weight: 1, analysis: [{ name: 'x', query, max: 1 }] }],
      errors: [],
    });
  });

  it('is refused where it names what is neither a parameter nor known to queries', () => {
    expect(asking('up{v="{{ army.revision }}"}').errors.map(({ message }) => message)).toEqual([
      'the strategy uses up{v="{{ army.revision }}"}, which is no parameter of it',
    ]);
  });
});

describe('the bake of a strategy', () => {
  const spec = { parameters: { bake: { type: 'duration', default: '10m' } }, bake: '{{ bake }}', steps: [] };

  it('is a parameter of it, or written out, and makes steps needless', () => {
    expect(expanded(spec)).toEqual({ steps: [], bake: '10m', errors: [] });
    expect(expanded(spec, { bake: '1h' }).bake).toBe('1h');
    expect(expanded({ bake: '5m', steps: [step] }).bake).toBe('5m');
    expect(expanded({ steps: [step] }).bake).toBeUndefined();
  });

  it('is refused where it names no parameter; without it there have to be steps', () => {
    expect(messages({ ...spec, parameters: {} }).join()).toContain('which is no parameter');
    expect(StrategyGrammar.safeParse({ steps: [] }).success).toBe(false);
  });
});

it('takes shares by arm, and no others', () => {
  const spec = StrategyGrammar.parse({
    parameters: { shares: { type: 'shares' } },
    steps: [{ weights: '{{ shares }}' }],
  });
  const shares = { stable: 34, canary: 33, green: 33 };
  expect(expandStrategy(spec, { shares })).toMatchObject({ steps: [{ weights: shares }], errors: [] });
  for (const wrong of [{}, [34, 33, 33], { canary: 'half' }, 33, { canary: 101 }]) {
    expect(expandStrategy(spec, { shares: wrong }).errors).toMatchObject([{ path: 'with.shares' }]);
  }
});

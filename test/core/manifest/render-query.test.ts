import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkQuery, type QueryValues, renderQuery } from '../../../src/core/manifest/render-query.ts';

const VALUES: QueryValues = {
  backend: 'b',
  'canary.revision': 'x"} or vector(1) #\\\n\'',
  'canary.cluster': 'shop--v1.2-abc',
  'stable.revision': 'v1',
  'arm.revision': 'v2',
  'arm.cluster': 'checkout--v2',
  'stable.cluster': 's',
  window: '90s',
  'window.seconds': '90',
};

describe('a placeholder is escaped for its place', () => {
  it.each([
    ['a string', 'f{r="{{ canary.revision }}"}', 'f{r="x\\"} or vector(1) #\\\\\\n\'"}'],
    ['a string in single quotes', "f{r='{{canary.revision}}'}", "f{r='x\"} or vector(1) #\\\\\\n\\''}"],
    ['a pattern', 'f{c=~"{{ canary.cluster }}|other"}', 'f{c=~"shop--v1\\\\.2-abc|other"}'],
    ['a pattern that must not match', 'f{c!~ "{{ canary.cluster }}"}', 'f{c!~ "shop--v1\\\\.2-abc"}'],
    ['no pattern', 'f{c!="{{ canary.cluster }}"}', 'f{c!="shop--v1.2-abc"}'],
    ['a duration', 'rate(f[{{ window }}])', 'rate(f[90s])'],
    ['a number', 'increase(f[{{window}}]) / {{ window.seconds }}', 'increase(f[90s]) / 90'],
    ['after an escaped quote', 'f{a="\\"",b="{{ backend }}"}', 'f{a="\\"",b="b"}'],
    ['beside a pattern of another label', 'f{a=~"x",b="{{ canary.cluster }}"}', 'f{a=~"x",b="shop--v1.2-abc"}'],
  ])('%s', (_place, query, rendered) => {
    expect(checkQuery(query)).toBeNull();
    expect(renderQuery(query, VALUES)).toBe(rendered);
  });
});

describe('what is refused', () => {
  it.each([
    ['an unknown name', 'f{r="{{ canary.name }}"}', 'unknown name in {{ canary.name }}'],
    [
      'text outside of quotes',
      'f{r={{ canary.revision }}}',
      '{{ canary.revision }} is text and must stand inside quotes',
    ],
    ['text after a closed string', 'f{r="a"} or {{ backend }}', 'must stand inside quotes'],
    ['backticks', 'f{r=`{{ backend }}`}', 'stands in backticks'],
    ['half a placeholder', 'f{r="{{ backend"}', 'has no "}}"'],
  ])('%s', (_what, query, words) => {
    expect(checkQuery(query)).toContain(words);
  });
});

it('ends no string early, whatever the value', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom('"', "'"), fc.constantFrom('=', '=~', '!~'), (value, quote, operator) => {
      const rendered = renderQuery(`f{r${operator}${quote}{{ backend }}${quote}}`, { ...VALUES, backend: value });
      const inside = rendered.slice(`f{r${operator}${quote}`.length, -2);
      expect(rendered.endsWith(`${quote}}`)).toBe(true);
      // Every quote inside is escaped, and no escape is left open.
      expect(inside.replaceAll(/\\./gs, '')).not.toContain(quote);
      expect(inside.replaceAll(/\\./gs, '')).not.toContain('\\');
    }),
  );
});

it('is a pattern that matches the value and nothing else', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9._+*?()|[\]{}^$\\-]{1,12}$/), (value) => {
      const rendered = renderQuery('f{r=~"{{ backend }}"}', { ...VALUES, backend: value });
      const literal = JSON.parse(rendered.slice('f{r=~'.length, -1)) as string;
      expect(new RegExp(`^(?:${literal})$`).exec(value)?.[0]).toBe(value);
      expect(new RegExp(`^(?:${literal})$`).test(`${value}x`)).toBe(false);
    }),
  );
});

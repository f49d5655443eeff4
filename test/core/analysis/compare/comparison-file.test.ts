import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareArgo } from '../../../../src/core/analysis/compare/compare-argo.ts';
import { compareFlagger } from '../../../../src/core/analysis/compare/compare-flagger.ts';
import { compareKayenta } from '../../../../src/core/analysis/compare/compare-kayenta.ts';
import { parseComparison } from '../../../../src/core/analysis/compare/comparison-file.ts';
import { KayentaComparison } from '../../../../src/core/analysis/compare/kayenta-grammar.ts';
import { ArgoComparison, FlaggerComparison } from '../../../../src/core/analysis/compare/threshold-grammar.ts';

const JUDGES: Readonly<Record<string, (text: string) => unknown>> = {
  argo: (text) => judged(parseComparison('f', text, ArgoComparison), compareArgo),
  flagger: (text) => judged(parseComparison('f', text, FlaggerComparison), compareFlagger),
  kayenta: (text) => judged(parseComparison('f', text, KayentaComparison), compareKayenta),
};

/** What a judge prints, or the mistakes with their places. */
function judged<T>(parsed: ReturnType<typeof parseComparison<T>>, compare: (given: T) => unknown): unknown {
  if (parsed.kind === 'ok') return compare(parsed.value);
  for (const error of parsed.errors) expect(error.place?.line).toBeGreaterThan(0);
  expect(parsed.errors.length).toBeGreaterThan(0);
  return null;
}

const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(null, 'NaN', '+Inf', 1e-4, 0));
const samples = fc.array(fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double(), fc.constant(null)), { maxLength: 8 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const limits = fc.record({
  failureLimit: maybe(fc.integer()),
  count: maybe(fc.nat()),
  threshold: maybe(fc.integer()),
  stepWeight: maybe(fc.nat(120)),
});
const file = fc.record({
  limits: maybe(limits),
  success: maybe(fc.record({ min: maybe(number), max: maybe(number) })),
  measurements: maybe(
    fc.array(
      fc.oneof(fc.record({ value: number }), fc.record({ phase: fc.constantFrom('S', 'F', 'X') }), fc.anything()),
    ),
  ),
  config: maybe(fc.record({ confidence: maybe(number), groupWeights: maybe(fc.dictionary(fc.string(), fc.nat(60))) })),
  metrics: maybe(
    fc.array(fc.record({ name: fc.string(), control: samples, experiment: samples, direction: maybe(fc.string()) }), {
      maxLength: 4,
    }),
  ),
});

describe.each(Object.entries(JUDGES))('%s', (_name, judge) => {
  it('answers or refuses any file, and prints numbers only', () => {
    fc.assert(
      fc.property(fc.oneof(file, fc.jsonValue()), (given) => {
        const text = JSON.stringify(given, (_key, value: unknown) => (typeof value === 'bigint' ? 0 : value)) ?? '';
        const compared = judge(text);
        // What JSON cannot say becomes null on its way; nothing may need that.
        expect(JSON.parse(JSON.stringify(compared))).toEqual(compared);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses text that is cut', () => {
    const whole = JSON.stringify({ limits: {}, measurements: [{ value: 1.5 }], metrics: [] });
    for (let end = 0; end < whole.length; end += 1) expect(judge(whole.slice(0, end))).toBeNull();
  });
});

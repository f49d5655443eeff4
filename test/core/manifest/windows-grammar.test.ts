import { describe, expect, it } from 'vitest';
import { planChanges } from '../../../src/core/manifest/compare/plan-changes.ts';
import { effectivePlans } from '../../../src/core/manifest/effective/effective-plan.ts';
import { planYaml } from '../../../src/core/manifest/effective/plan-yaml.ts';
import { parseDocuments } from '../../../src/core/manifest/parse-documents.ts';
import { formatError } from '../../../src/core/model/format-error.ts';
import { PlanSpecRecord } from '../../../src/core/model/stored.ts';

const NOTHING = { shipped: [], stored: [] };
const parse = (windows: string) =>
  parseDocuments(
    [
      {
        file: 'p.yaml',
        text: `apiVersion: serin.dev/v1\nkind: Plan\nmetadata: { name: p }\nspec:\n  backend: b\n  strategy: { steps: [{ weight: 20 }] }\n${windows === '' ? '' : `  windows: ${windows}\n`}`,
      },
    ],
    NOTHING,
  );

function errorsOf(windows: string): readonly string[] {
  const parsed = parse(windows);
  return parsed.kind === 'error' ? parsed.errors.map(formatError) : [];
}

function read(windows: string) {
  const parsed = parse(windows);
  if (parsed.kind === 'error') throw new Error(parsed.errors.map(formatError).join('\n'));
  const [first] = parsed.value;
  const [effective] = effectivePlans(parsed.value, NOTHING);
  if (first?.document.kind !== 'Plan' || effective === undefined) throw new Error('no plan');
  return { spec: first.document.spec, lines: planYaml(effective) };
}

const many = (count: number, one: string) => Array(count).fill(one).join(', ');

describe('windows that cannot be meant get one error, at their place', () => {
  it.each([
    ['always', '7:12', 'expected a mapping with zone, open, freezes'],
    ['{ open: [{ from: "09:00" }] }', '7:12', 'expected a zone of the IANA database, like Europe/Berlin'],
    ['{ zone: Europe/Berlin }', '7:12', 'expected open, freezes or both'],
    ['{ zone: Europe/Berlin, freezes: [] }', '7:12', 'expected open, freezes or both'],
    ['{ zone: Berlin, open: [{}] }', '7:20', 'Did you mean "Europe/Berlin"?'],
    ['{ zone: "new york", open: [{}] }', '7:20', 'Did you mean "America/New_York"?'],
    ['{ zone: Europe/Brelin, open: [{}] }', '7:20', 'Did you mean "Europe/Berlin"?'],
    ['{ zone: "+02:00", open: [{}] }', '7:20', 'expected a zone of the IANA database'],
    ['{ zone: 1, open: [{}] }', '7:20', 'expected a zone of the IANA database'],
    ['{ zone: UTC, opens: [], open: [{}] }', '7:25', 'unknown key "opens"'],
    ['{ zone: UTC, open: [] }', '7:31', 'expected at least one window; left out, it is open but for the freezes'],
    ['{ zone: UTC, open: { from: "09:00" } }', '7:31', 'expected a list of windows'],
    ['{ zone: UTC, open: [{ days: [] }] }', '7:40', 'expected at least one day'],
    ['{ zone: UTC, open: [{ days: [monday] }] }', '7:41', 'expected one of mon, tue, wed, thu, fri, sat, sun'],
    ['{ zone: UTC, open: [{ from: 9 }] }', '7:40', 'expected a time like "09:00"'],
    ['{ zone: UTC, open: [{ from: "9:00" }] }', '7:40', 'expected a time from "00:00" to "23:59"'],
    ['{ zone: UTC, open: [{ from: "24:00" }] }', '7:40', 'expected a time from "00:00" to "23:59"'],
    ['{ zone: UTC, open: [{ to: "24:01" }] }', '7:38', 'expected a time from "00:00" to "24:00"'],
    ['{ zone: UTC, open: [{ from: "09:00", to: "09:00" }] }', '7:53', 'is no time at all'],
    ['{ zone: UTC, open: [{ to: "00:00" }] }', '7:38', 'is no time at all'],
    [`{ zone: UTC, open: [${many(17, '{}')}] }`, '7:31', 'at most 16 windows'],
    ['{ zone: UTC, freezes: [{ from: 2026-12-20 }] }', '7:35', 'expected a day like "2026-12-20"'],
    ['{ zone: UTC, freezes: [{ from: 20.12.2026, to: "2026-12-24" }] }', '7:43', 'expected a day like "2026-12-20"'],
    ['{ zone: UTC, freezes: [{ from: 2026-12-20, to: 2026-12-32 }] }', '7:59', 'no calendar has 2026-12-32'],
    [
      '{ zone: UTC, freezes: [{ from: 2026-12-20, to: 2026-12-19 }] }',
      '7:59',
      'it ends before it begins, on 2026-12-20',
    ],
    ['{ zone: UTC, freezes: [{ from: 2026-12-20, to: 2027-12-21 }] }', '7:59', 'at most 366 days, these are 367'],
    [`{ zone: UTC, freezes: [${many(33, '{ from: 2026-12-20, to: 2026-12-20 }')}] }`, '7:34', 'at most 32 freezes'],
  ])('%s', (windows, place, message) => {
    const errors = errorsOf(windows);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(message);
    expect(errors[0]).toMatch(new RegExp(`^p\\.yaml:${place}: `));
  });
});

describe('windows', () => {
  it('are none where a plan says none', () => {
    const { spec, lines } = read('');
    expect(spec.windows).toBeUndefined();
    expect(lines).toContain('  # windows: always open # default');
  });

  it('say what they leave out, and mean the same when that is written out', () => {
    const { spec, lines } = read('{ zone: Europe/Berlin, open: [{}] }');
    const week = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
    expect(spec.windows).toEqual({
      zone: 'Europe/Berlin',
      open: [{ days: week, from: '00:00', to: '24:00' }],
      freezes: [],
    });
    const trimmed = lines.map((line) => line.trim());
    expect(trimmed).toEqual(
      expect.arrayContaining([
        'windows:',
        'zone: Europe/Berlin',
        '- days: [mon, tue, wed, thu, fri, sat, sun] # default',
        'from: "00:00" # default',
        'to: "24:00" # default',
        '# freezes: none # default',
      ]),
    );
  });

  it.each([
    '{ zone: Europe/Berlin, open: [{}] }',
    '{ zone: UTC, freezes: [{ from: 2026-12-20, to: 2027-01-06, reason: "end: of year" }] }',
    '{ zone: Asia/Kolkata, open: [{ days: [fri, mon, fri], from: "22:00", to: "02:00" }], freezes: [{ from: 2026-12-20, to: 2026-12-20 }, { from: 2026-12-20, to: 2026-12-24 }] }',
  ])('are read to the last key, written, stored and read again: %s', (windows) => {
    const { spec, lines } = read(windows);
    const again = parseDocuments([{ file: 'q.yaml', text: lines.join('\n') }], NOTHING);
    const document = again.kind === 'ok' ? again.value[0]?.document : null;
    expect(document?.kind === 'Plan' && document.spec).toEqual(spec);
    expect(PlanSpecRecord.parse(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });

  it('have their days in the order of the week, each once', () => {
    const { spec } = read('{ zone: UTC, open: [{ days: [fri, mon, fri] }] }');
    expect(spec.windows?.open[0]?.days).toEqual(['mon', 'fri']);
  });

  it('are told field by field where two versions of a plan differ', () => {
    const before = read('{ zone: UTC, open: [{ days: [mon], to: "16:00" }] }').spec;
    const after = read(
      '{ zone: Europe/Berlin, open: [{ days: [mon, tue], to: "15:00" }], freezes: [{ from: 2026-12-20, to: 2027-01-06, reason: sale }] }',
    ).spec;
    const told = planChanges(before, after).map(({ what, from, to }) => [what, from, to]);
    expect(told).toEqual([
      ['windows.zone', 'UTC', 'Europe/Berlin'],
      ['windows.open[1].days', 'mon', 'mon, tue'],
      ['windows.open[1].to', '16:00', '15:00'],
      ['windows.freezes[1].from', null, '2026-12-20'],
      ['windows.freezes[1].to', null, '2027-01-06'],
      ['windows.freezes[1].reason', null, 'sale'],
    ]);
  });
});

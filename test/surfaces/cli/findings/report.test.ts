import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../../src/core/manifest/lint/finding.ts';
import { junitLines } from '../../../../src/surfaces/cli/findings/junit.ts';
import { findingOf, githubLines, jsonReport, textLines } from '../../../../src/surfaces/cli/findings/report.ts';
import { sarifReport } from '../../../../src/surfaces/cli/findings/sarif.ts';

const warning: Finding = {
  code: 'no-deadline',
  severity: 'warning',
  message: 'says 100 %, <b> & "c"\u0007',
  fix: 'Add one.',
  path: 'spec',
  place: { file: 'a,b:c.yaml', line: 4, column: 3 },
};
const error = findingOf({ code: 'SERIN_REQUEST_INVALID', message: 'there is no file' });
/** What XML can say of a text. */
const sayable = (text: string) =>
  Array.from(text, (one) =>
    /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]$/u.test(one) ? one : '?',
  ).join('');
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };
const unescaped = (xml: string) =>
  xml.replaceAll(/&(?:(\w+)|#(\d+));/g, (_, name?: string, code?: string) =>
    code === undefined ? (ENTITIES[name ?? ''] ?? '') : String.fromCodePoint(Number(code)),
  );
const report = { findings: [warning, error], files: ['a,b:c.yaml', 'good.yaml'], version: '1.2.3' };

describe('findings', () => {
  it('as text have place, severity, code, path, reason and fix', () => {
    expect(textLines(report)).toEqual([
      'a,b:c.yaml:4:3: warning no-deadline spec: says 100 %, <b> & "c"\u0007 (Add one.)',
      'error SERIN_REQUEST_INVALID there is no file (See /openapi.json for the shape of the request.)',
      '1 error, 1 warning',
    ]);
  });

  it('as JSON are flat', () => {
    expect(jsonReport(report)).toMatchObject({
      errors: 1,
      warnings: 1,
      findings: [
        { code: 'no-deadline', severity: 'warning', fix: 'Add one.', file: 'a,b:c.yaml', line: 4, column: 3 },
        { code: 'SERIN_REQUEST_INVALID', file: null, line: null },
      ],
    });
  });

  it('as commands of GitHub cannot break out of their line', () => {
    expect(githubLines(report)[0]).toBe(
      '::warning file=a%2Cb%3Ac.yaml,line=4,col=3,title=no-deadline::says 100 %25, <b> & "c"\u0007 (Add one.)',
    );
  });

  it('as JUnit have a case per file, that fails by errors alone', () => {
    expect(junitLines(report)).toEqual([
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<testsuites tests="3" failures="1">',
      '  <testsuite name="serin" tests="3" failures="1">',
      '    <testcase classname="serin" name="a,b:c.yaml">',
      '      <system-out>4:3 warning no-deadline: says 100 %, &lt;b&gt; &amp; &quot;c&quot;? (Add one.)</system-out>',
      '    </testcase>',
      '    <testcase classname="serin" name="good.yaml"/>',
      '    <testcase classname="serin" name="other">',
      '      <failure type="SERIN_REQUEST_INVALID" message="there is no file">error SERIN_REQUEST_INVALID: there is no file (See /openapi.json for the shape of the request.)</failure>',
      '    </testcase>',
      '  </testsuite>',
      '</testsuites>',
    ]);
  });

  it('as JUnit keep what XML can say, and nothing else, whatever names and messages hold', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 40 });
    fc.assert(
      fc.property(anything, anything, fc.boolean(), (file, message, isError) => {
        const place = { file, line: 1, column: 1 };
        const one: Finding = { ...warning, severity: isError ? 'error' : 'warning', message, place };
        const xml = junitLines({ ...report, findings: [one], files: [file] }).join('\n');
        expect(xml).not.toMatch(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u);
        const named = /classname="serin" name="([^"<>&\t\n\r]|&(?:amp|lt|gt|quot|#\d+);)*">/u.exec(xml)?.[0] ?? '';
        expect(unescaped(named)).toBe(`classname="serin" name="${sayable(file)}">`);
        expect(unescaped(xml)).toContain(`no-deadline: ${sayable(message)} (`);
        if (isError) expect(unescaped(xml)).toContain(`message="${sayable(message)}"`);
      }),
      { numRuns: 50 },
    );
  });

  it('as JUnit keep an emoji, and say "?" for half of one', () => {
    const [shown] = junitLines({ ...report, findings: [], files: ['🚀.yaml'] }).slice(3);
    expect(shown).toContain('name="🚀.yaml"');
    expect(junitLines({ ...report, findings: [], files: ['\ud83d.yaml'] })[3]).toContain('name="?.yaml"');
  });

  it('as SARIF name rule, level and region', () => {
    expect(sarifReport(report)).toMatchObject({
      version: '2.1.0',
      runs: [
        {
          tool: { driver: { name: 'serin', version: '1.2.3', rules: [{ id: 'no-deadline' }, {}] } },
          results: [
            {
              ruleId: 'no-deadline',
              ruleIndex: 0,
              level: 'warning',
              locations: [{ physicalLocation: { region: { startLine: 4, startColumn: 3 } } }],
            },
            { ruleId: 'SERIN_REQUEST_INVALID', level: 'error', locations: [] },
          ],
        },
      ],
    });
  });
});

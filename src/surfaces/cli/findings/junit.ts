import type { Finding } from '../../../core/manifest/lint/finding.ts';
import { counts, type Report } from './report.ts';

/** JUnit's XML: a case per file, which fails where it has an error. */
export function junitLines({ findings, files }: Report): readonly string[] {
  const cases = files.map((file) => ({ file, own: findings.filter(({ place }) => place?.file === file) }));
  const homeless = findings.filter(({ place }) => place === null || !files.includes(place.file));
  const all = homeless.length === 0 ? cases : [...cases, { file: 'other', own: homeless }];
  const failures = all.filter(({ own }) => counts(own).errors > 0).length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites tests="${all.length}" failures="${failures}">`,
    `  <testsuite name="serin" tests="${all.length}" failures="${failures}">`,
    ...all.flatMap(({ file, own }) => testCase(file, own)),
    '  </testsuite>',
    '</testsuites>',
  ];
}

function testCase(file: string, findings: readonly Finding[]): readonly string[] {
  const open = `    <testcase classname="serin" name="${quoted(file)}"`;
  if (findings.length === 0) return [`${open}/>`];
  const words = findings.map(
    ({ code, severity, message, fix, place }) =>
      `${place === null ? '' : `${place.line}:${place.column} `}${severity} ${code}: ${message} (${fix})`,
  );
  const failed = findings.find(({ severity }) => severity === 'error');
  const body = escaped(words.join('\n'));
  const inner =
    failed === undefined
      ? `      <system-out>${body}</system-out>`
      : `      <failure type="${quoted(failed.code)}" message="${quoted(failed.message)}">${body}</failure>`;
  return [`${open}>`, ...inner.split('\n'), '    </testcase>'];
}

function escaped(text: string): string {
  const plain = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
  // XML has no way to write the others. By code points, or half of an emoji would be one of them.
  return plain.replaceAll(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '?');
}

/** Between quotes, where whoever reads XML makes white space of any kind one blank. */
function quoted(text: string): string {
  return escaped(text).replaceAll('\t', '&#9;').replaceAll('\n', '&#10;').replaceAll('\r', '&#13;');
}

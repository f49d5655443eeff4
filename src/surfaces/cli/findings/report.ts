import type { Finding } from '../../../core/manifest/lint/finding.ts';
import { counted } from '../../../core/model/counted.ts';
import { ERRORS, type SerinError } from '../../../core/model/errors.ts';

export const REPORT_FORMATS = ['text', 'json', 'github', 'junit', 'sarif'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

export interface Report {
  readonly findings: readonly Finding[];
  /** Every file that was looked at, also those without a finding. */
  readonly files: readonly string[];
  readonly version: string;
}

/** What is wrong with documents, like any other finding. */
export function findingOf({ code, message, hint, path, place }: SerinError): Finding {
  const fix = hint ?? ERRORS[code].hint;
  return { code, severity: 'error', message, fix, path: path ?? '', place: place ?? null };
}

export function counts(findings: readonly Finding[]): { readonly errors: number; readonly warnings: number } {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  return { errors, warnings: findings.length - errors };
}

export function textLines({ findings }: Report): readonly string[] {
  const { errors, warnings } = counts(findings);
  return [
    ...findings.map(({ code, severity, message, fix, path, place }) => {
      const at = place === null ? '' : `${place.file}:${place.line}:${place.column}: `;
      return `${at}${severity} ${code} ${path === '' ? '' : `${path}: `}${message} (${fix})`;
    }),
    `${counted(errors, 'error')}, ${counted(warnings, 'warning')}`,
  ];
}

export function jsonReport({ findings }: Report): object {
  return {
    ...counts(findings),
    findings: findings.map(({ place, ...rest }) => ({
      ...rest,
      file: place?.file ?? null,
      line: place?.line ?? null,
      column: place?.column ?? null,
    })),
  };
}

/** Workflow commands: GitHub shows them at the lines of a pull request. */
export function githubLines({ findings }: Report): readonly string[] {
  const data = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const property = (text: string) => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
  return findings.map(({ code, severity, message, fix, place }) => {
    const at = place === null ? '' : `file=${property(place.file)},line=${place.line},col=${place.column},`;
    return `::${severity} ${at}title=${property(code)}::${data(`${message} (${fix})`)}`;
  });
}

import type { SourcePlace } from '../../model/errors.ts';
import type { ParsedDocument } from '../parse-documents.ts';
import { LINT_RULES, type LintCode } from './rules.ts';

/** Something wrong with documents, as tools show it; `code` is of `LINT_RULES` or of the catalogue of errors. */
export interface Finding {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly fix: string;
  readonly path: string;
  readonly place: SourcePlace | null;
}

/** What is known beside the documents. */
export interface LintFacts {
  /** Requests a second to the backend, all revisions together; `null`: not said. */
  readonly requestsPerSecond: number | null;
  /** The usual share of errors; `null`: not said. */
  readonly errorRate: number | null;
  /** `null`: no serin.yaml was named. */
  readonly config: ConfigFacts | null;
}

interface Addressee {
  readonly name: string;
  /** Can it tell who has sent something? */
  readonly signed: boolean;
  readonly place: SourcePlace;
}

export interface ConfigFacts {
  /** By fleet; `null`: it has no metrics. */
  readonly scrapeMs: ReadonlyMap<string, number | null>;
  readonly notifiers: readonly Addressee[];
  readonly hooks: readonly Addressee[];
  /** Documents may speak to Envoy in its own words. */
  readonly allowsRawEnvoy: boolean;
}

export function finding(code: LintCode, from: Pick<ParsedDocument, 'placeOf'>, path: string, message: string): Finding {
  const { severity, fix } = LINT_RULES[code];
  return { code, severity, message, fix, path, place: from.placeOf(path) };
}

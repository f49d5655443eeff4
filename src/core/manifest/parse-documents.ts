import { z } from 'zod';
import type { Document, DocumentKind, StepSpec, StrategyDocument } from '../model/documents.ts';
import type { Result, SerinError, SourcePlace } from '../model/errors.ts';
import { didYouMean } from '../model/suggest.ts';
import { BackendGrammar } from './backend-grammar.ts';
import { check, pathText } from './check-yaml.ts';
import { documentName, fields } from './fields.ts';
import { BakeGrammar, PlanGrammar, planSpec, StrategyChoice } from './plan-grammar.ts';
import { planProblems } from './plan-problems.ts';
import { type RawEnvoyRule, readRawEnvoy } from './raw/read-raw-envoy.ts';
import { RouteGrammar } from './route-grammar.ts';
import { StepsGrammar } from './steps-grammar.ts';
import { expandStrategy, StrategyGrammar } from './strategy-grammar.ts';
import type { StrategyLibrary } from './strategy-library.ts';
import { readYaml, type SourceFile, type YamlDocument } from './yaml-source.ts';

export const API_VERSION = 'serin.dev/v1';
const KINDS = ['Route', 'Backend', 'Plan', 'Strategy'] as const satisfies readonly DocumentKind[];
const HEADER_KEYS = ['apiVersion', 'kind', 'metadata', 'spec'];

export interface ParsedDocument {
  readonly document: Document;
  /** The YAML of this document as the user wrote it. */
  readonly source: string;
  readonly place: SourcePlace;
  readonly placeOf: (path: string) => SourcePlace;
}

interface Shell {
  readonly yaml: YamlDocument;
  readonly kind: DocumentKind;
  /** Null when it is wrong: the spec is checked all the same, so that all errors are listed at once. */
  readonly name: string | null;
}

/** Parses files into documents; on any error nothing is returned but all errors of all files. */
export function parseDocuments(
  files: readonly SourceFile[],
  library: StrategyLibrary,
  raw: RawEnvoyRule = 'off',
): Result<readonly ParsedDocument[]> {
  const errors: SerinError[] = [];
  const shells: Shell[] = [];
  for (const file of files) {
    const read = readYaml(file);
    errors.push(...read.errors);
    for (const yaml of read.documents) {
      const shell = readShell(yaml, errors);
      if (shell === null) continue;
      if (shell.name !== null && shells.some(({ kind, name }) => kind === shell.kind && name === shell.name)) {
        errors.push(invalid(yaml, 'metadata.name', `there is another ${shell.kind} ${shell.name} in these files`));
      }
      shells.push(shell);
    }
  }
  const strategies = new Map([...library.shipped, ...library.stored].map((strategy) => [strategy.name, strategy]));
  const parsed: ParsedDocument[] = [];
  const keep = ({ yaml }: Shell, document: Document) =>
    parsed.push({ document, source: yaml.source, place: yaml.placeOf(''), placeOf: yaml.placeOf });
  // Strategies first: plans of the same files may use them.
  for (const shell of shells.filter(({ kind }) => kind === 'Strategy')) {
    const spec = parseSpec(shell.yaml, StrategyGrammar, errors);
    if (spec === null || shell.name === null) continue;
    const document: StrategyDocument = { kind: 'Strategy', name: shell.name, spec };
    strategies.set(shell.name, document);
    keep(shell, document);
  }
  for (const shell of shells) {
    const document = parseDocument(shell, strategies, raw, errors);
    if (document !== null) keep(shell, document);
  }
  return errors.length > 0 ? { kind: 'error', errors: inOrder(errors, files) } : { kind: 'ok', value: parsed };
}

/** As a reader goes through the files: by file, line and column. */
function inOrder(errors: readonly SerinError[], files: readonly SourceFile[]): SerinError[] {
  const rank = new Map(files.map(({ file }, i) => [file, i]));
  const key = ({ place }: SerinError): number[] =>
    place === undefined ? [-1, 0, 0] : [rank.get(place.file) ?? 0, place.line, place.column];
  return errors.toSorted((a, b) => {
    const [x, y] = [key(a), key(b)];
    return x.map((value, i) => value - (y[i] ?? 0)).find((difference) => difference !== 0) ?? 0;
  });
}

function parseDocument(
  { yaml, kind, name }: Shell,
  strategies: ReadonlyMap<string, StrategyDocument>,
  raw: RawEnvoyRule,
  errors: SerinError[],
): Document | null {
  switch (kind) {
    case 'Strategy':
      return null;
    case 'Route': {
      const spec = parseSpec(yaml, RouteGrammar, errors);
      const read = spec === null ? null : readRawEnvoy({ kind, name: name ?? '', spec }, yaml, raw, errors);
      return name === null ? null : read;
    }
    case 'Backend': {
      const spec = parseSpec(yaml, BackendGrammar, errors);
      const read = spec === null ? null : readRawEnvoy({ kind, name: name ?? '', spec }, yaml, raw, errors);
      return name === null ? null : read;
    }
    case 'Plan': {
      const plan = parseSpec(yaml, PlanGrammar, errors);
      const strategy = plan?.strategy ?? soundStrategy(yaml);
      const way = strategy === null ? null : planSteps(yaml, strategy, strategies, errors);
      if (plan === null || way === null) return null;
      const spec = planSpec(plan, way);
      for (const { path, message } of planProblems(spec, plan.bake !== undefined)) {
        // The steps of a strategy stand in its own document.
        const here = plan.strategy.use === undefined || !path.startsWith('strategy.') ? path : 'strategy.use';
        errors.push(invalid(yaml, `spec.${here}`, message));
      }
      return name === null ? null : { kind, name, spec };
    }
  }
}

/** The strategy of a plan that is wrong elsewhere: its own errors are not left for the second try. */
function soundStrategy({ value }: YamlDocument): z.infer<typeof StrategyChoice> | null {
  const read = z.looseObject({ spec: z.looseObject({ strategy: StrategyChoice }) }).safeParse(value);
  return read.success ? read.data.spec.strategy : null;
}

function planSteps(
  yaml: YamlDocument,
  strategy: z.infer<typeof StrategyChoice>,
  strategies: ReadonlyMap<string, StrategyDocument>,
  errors: SerinError[],
): { readonly steps: readonly StepSpec[]; readonly bakeMs?: number } | null {
  if (strategy.use === undefined) {
    const own = check(yaml, StepsGrammar, strategy.steps, 'spec.strategy.steps', errors);
    return own === null ? null : { steps: own };
  }
  const found = strategies.get(strategy.use);
  if (found === undefined) {
    const known = [...strategies.keys()].sort();
    const message = `there is no strategy "${strategy.use.slice(0, 80)}".${didYouMean(strategy.use, known)} Known: ${known.join(', ')}`;
    errors.push({ ...invalid(yaml, 'spec.strategy.use', message), code: 'SERIN_UNKNOWN_REFERENCE' });
    return null;
  }
  const spec = StrategyGrammar.safeParse(found.spec);
  if (!spec.success) {
    errors.push(invalid(yaml, 'spec.strategy.use', `strategy ${found.name} is not valid any more; apply it again`));
    return null;
  }
  const expanded = expandStrategy(spec.data, strategy.with ?? {});
  if (expanded.errors.length > 0) {
    for (const { path, message } of expanded.errors) errors.push(invalid(yaml, `spec.strategy.${path}`, message));
    return null;
  }
  const steps = StepsGrammar.safeParse(expanded.steps);
  const bake = BakeGrammar.optional().safeParse(expanded.bake);
  if (steps.success && bake.success) {
    return { steps: steps.data, ...(bake.data === undefined ? {} : { bakeMs: bake.data }) };
  }
  for (const issue of bake.error?.issues ?? []) {
    errors.push(invalid(yaml, 'spec.strategy.with', `the bake of strategy ${found.name}: ${issue.message}`));
  }
  for (const issue of steps.error?.issues ?? []) {
    const at = pathText(issue.path);
    errors.push(invalid(yaml, 'spec.strategy.with', `step ${at} of strategy ${found.name}: ${issue.message}`));
  }
  return null;
}

function readShell(yaml: YamlDocument, errors: SerinError[]): Shell | null {
  const { value } = yaml;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    errors.push(invalid(yaml, '', `expected a mapping with ${HEADER_KEYS.join(', ')}`));
    return null;
  }
  for (const key of Object.keys(value)) {
    if (HEADER_KEYS.includes(key)) continue;
    const place = yaml.keyPlaceOf(key);
    errors.push({
      code: 'SERIN_DOCUMENT_INVALID',
      message: `unknown key "${key.slice(0, 80)}".${didYouMean(key, HEADER_KEYS)} Known: ${HEADER_KEYS.join(', ')}`,
      path: key.slice(0, 80),
      place,
    });
  }
  const { apiVersion, kind, metadata } = value as Record<string, unknown>;
  if (apiVersion !== API_VERSION) errors.push(invalid(yaml, 'apiVersion', `expected ${API_VERSION}`));
  const known = KINDS.find((candidate) => candidate === kind);
  if (known === undefined) {
    const meant = typeof kind === 'string' ? didYouMean(kind, KINDS) : '';
    errors.push(invalid(yaml, 'kind', `expected one of ${KINDS.join(', ')}.${meant}`));
  }
  const meta = check(yaml, fields({ name: documentName }), metadata, 'metadata', errors);
  // Another version may have other fields.
  return known === undefined || apiVersion !== API_VERSION ? null : { yaml, kind: known, name: meta?.name ?? null };
}

function parseSpec<T>(yaml: YamlDocument, grammar: z.ZodType<T>, errors: SerinError[]): T | null {
  return check(yaml, grammar, (yaml.value as Record<string, unknown>).spec, 'spec', errors);
}

function invalid(yaml: YamlDocument, path: string, message: string): SerinError {
  return { code: 'SERIN_DOCUMENT_INVALID', message, path, place: yaml.placeOf(path) };
}

import { SEQUENTIAL_DEFAULTS } from '../../analysis/sequential/settings.ts';
import { PLAN_DEFAULTS, type PlanSpec, type StrategyDocument, type WindowsSpec } from '../../model/documents.ts';
import type { ReadoutMetric } from '../../model/readout.ts';
import { defined } from '../fields.ts';
import type { ParsedDocument } from '../parse-documents.ts';
import { StrategyGrammar } from '../strategy-grammar.ts';
import type { StrategyLibrary } from '../strategy-library.ts';
import { readYaml } from '../yaml-source.ts';
import { type ExpandedStrategy, expanded } from './expanded-strategy.ts';
import { below, isTreeList, isTreeMap, Span, type Tree, type TreeMap, Unsaid } from './tree.ts';
import { writtenAnalysis, writtenJudge } from './written-analysis.ts';
import { writtenStep, writtenSticky } from './written-step.ts';

/** All that a plan is, whoever said it. */
export interface EffectivePlan {
  readonly name: string;
  readonly spec: PlanSpec;
  /** Where the steps come from, and with what; `null`: they stand in the plan. */
  readonly strategy: Pick<ExpandedStrategy, 'name' | 'parameters'> | null;
  /** `spec` in the grammar of a Plan, with its steps. */
  readonly written: TreeMap;
  /** Paths below `spec` that nobody has written, neither in the plan nor as a parameter. */
  readonly defaults: ReadonlySet<string>;
}

type Raw = Readonly<Record<string, unknown>>;

/** The plans among documents, in their order. */
export function effectivePlans(
  parsed: readonly ParsedDocument[],
  { shipped, stored }: StrategyLibrary,
): readonly EffectivePlan[] {
  const own = parsed.flatMap(({ document }) => (document.kind === 'Strategy' ? [document] : []));
  const strategies = new Map([...shipped, ...stored, ...own].map((strategy) => [strategy.name, strategy]));
  return parsed.flatMap(({ document, source }) =>
    document.kind === 'Plan' ? [effective(document.name, document.spec, rawSpec(source), strategies)] : [],
  );
}

/** What stands in the file: the parsed plan has its defaults filled in. */
function rawSpec(source: string): Raw {
  const [document] = readYaml({ file: '', text: source }).documents;
  return (document?.value as { readonly spec?: Raw } | undefined)?.spec ?? {};
}

function effective(
  name: string,
  spec: PlanSpec,
  raw: Raw,
  strategies: ReadonlyMap<string, StrategyDocument>,
): EffectivePlan {
  const choice = raw.strategy as { readonly use?: string; readonly with?: Raw; readonly steps?: readonly Raw[] };
  const used = choice.use === undefined ? undefined : strategies.get(choice.use);
  const strategy = used === undefined ? null : expanded(used.name, StrategyGrammar.parse(used.spec), choice.with ?? {});
  const steps = strategy?.steps ?? choice.steps ?? [];
  const written = writtenPlan(spec, raw, steps);
  const defaults = new Set<string>();
  const said = strategy?.said ?? { steps };
  collectDefaults(written, { ...said, ...raw, strategy: { steps: said.steps } }, '', defaults);
  return { name, spec, strategy, written, defaults };
}

function writtenPlan(spec: PlanSpec, raw: Raw, steps: readonly Raw[]): TreeMap {
  const isOwn = (i: number) => steps[i]?.sticky !== undefined;
  const shared = raw.sticky === undefined ? undefined : spec.strategy.steps.find((_, i) => !isOwn(i))?.sticky;
  const { closeStreamsAfterMs } = spec.onRollback;
  return defined({
    ...writtenBackends(spec),
    variants: spec.variants === undefined ? undefined : [...spec.variants],
    revision: typeof spec.revision === 'object' ? { ...spec.revision } : spec.revision,
    strategy: { steps: spec.strategy.steps.map((step, i) => writtenStep(step, spec, isOwn(i))) },
    sticky: shared === undefined ? undefined : writtenSticky(shared, spec),
    analysis: spec.analysis.map((one) => writtenAnalysis(one, spec.judge)),
    readout: spec.readout?.map(writtenMetric),
    judge: writtenJudge(spec.judge),
    deadline: new Span(spec.deadlineMs),
    inconclusiveAfter: new Span(spec.inconclusiveAfterMs),
    onInconclusive: spec.onInconclusive ?? 'rollback',
    nodataTimeout: new Span(spec.nodataTimeoutMs ?? SEQUENTIAL_DEFAULTS.nodataTimeoutMs),
    windows: spec.windows === undefined ? new Unsaid({ words: 'always open' }) : writtenWindows(spec.windows),
    bake: spec.bakeMs === undefined ? new Unsaid() : new Span(spec.bakeMs),
    keepWarm:
      spec.keepWarmMs === undefined
        ? new Unsaid({ words: "the engine's timing.retireAfter" })
        : new Span(spec.keepWarmMs),
    ackTimeout: new Span(spec.ackTimeoutMs),
    onLaggard: spec.onLaggard,
    onNewRevision: spec.onNewRevision ?? PLAN_DEFAULTS.onNewRevision,
    onRollback: {
      closeStreamsAfter: closeStreamsAfterMs === null ? new Unsaid() : new Span(closeStreamsAfterMs),
    },
    notify: [...spec.notify],
  });
}

function writtenBackends({ backend, joint }: PlanSpec): TreeMap {
  if (joint === undefined) return { backend };
  const { others, colour } = joint;
  return { backends: [backend, ...others], ...(colour === undefined ? {} : { colour: { header: colour.header } }) };
}

function writtenMetric(metric: ReadoutMetric): TreeMap {
  const { name, wanted, users } = metric;
  if (metric.kind === 'share') return { name, wanted, users, successes: metric.successes };
  return { name, wanted, users, sum: metric.sum, sumOfSquares: metric.sumOfSquares };
}

function writtenWindows({ zone, open, freezes }: WindowsSpec): TreeMap {
  return {
    zone,
    open:
      open.length === 0
        ? new Unsaid({ words: 'always' })
        : open.map(({ days, ...times }) => ({ days: [...days], ...times })),
    freezes: freezes.length === 0 ? new Unsaid() : freezes.map((freeze) => ({ ...freeze })),
  };
}

/** Every value that is in force and not in the file. */
function collectDefaults(tree: Tree, raw: unknown, path: string, into: Set<string>): void {
  const value = tree instanceof Unsaid && tree.value !== null ? tree.value : tree;
  if (isTreeList(value)) {
    value.forEach((item, i) => {
      collectDefaults(item, Array.isArray(raw) ? raw[i] : undefined, `${path}[${i}]`, into);
    });
  }
  if (!isTreeMap(value)) return;
  // Names of headers are in lower case by now.
  const said = new Map(Object.entries((raw ?? {}) as Raw).map(([key, one]) => [key.toLowerCase(), one]));
  for (const [key, inner] of Object.entries(value)) {
    const given = said.get(key.toLowerCase());
    const isSaid = given !== undefined && given !== null;
    if (isSaid || isTreeMap(inner)) collectDefaults(inner, given, below(path, key), into);
    else into.add(below(path, key));
  }
}

import { check } from '../manifest/check-yaml.ts';
import { readYaml, type SourceFile, type YamlDocument } from '../manifest/yaml-source.ts';
import type { AnalysisSpec } from '../model/analysis-spec.ts';
import type { PlanSpec } from '../model/documents.ts';
import { fail, ok, type Result, type SerinError } from '../model/errors.ts';
import { didYouMean } from '../model/suggest.ts';
import type { World } from './world.ts';
import { type WorldFile, WorldGrammar } from './world-grammar.ts';

/** A Monday morning: no clock is asked, so that the same files give the same run on every day. */
const USUAL_START_MS = Date.UTC(2026, 0, 5, 10);
const USUAL = { envoys: 2, ackMs: 50, scrapeMs: 15_000, burst: 1 } as const;

/** A world file, held against the plan that is to be played in it. Every mistake has its place. */
export function parseWorld(source: SourceFile, plan: PlanSpec): Result<World> {
  const read = readYaml(source);
  const [yaml, second] = read.documents;
  if (second !== undefined) {
    return fail('SERIN_WORLD_INVALID', 'expected one YAML document', { place: second.placeOf('') });
  }
  // The hint of documents would lead nowhere.
  const mine = read.errors.map((error) =>
    error.code === 'SERIN_DOCUMENT_INVALID' ? { ...error, code: 'SERIN_WORLD_INVALID' as const } : error,
  );
  if (yaml === undefined) return { kind: 'error', errors: mine };
  const errors: SerinError[] = [];
  const raw = check(yaml, WorldGrammar, yaml.value, '', errors, 'SERIN_WORLD_INVALID');
  if (raw === null) return { kind: 'error', errors };
  const world = worldOf(raw);
  errors.push(...unsaid(world, plan, yaml), ...unknown(raw, plan, yaml));
  return errors.length > 0 ? { kind: 'error', errors } : ok(world);
}

function worldOf(raw: WorldFile): World {
  const { stable, canary = {}, people = {} } = raw;
  const latency = stable.latency ?? null;
  const approve = people.approve ?? null;
  return {
    startsAtMs: raw.starts === undefined ? USUAL_START_MS : Date.parse(raw.starts),
    requests: raw.requests,
    burst: raw.burst ?? USUAL.burst,
    testers: raw.testers ?? 0,
    envoys: raw.envoys ?? USUAL.envoys,
    ackMs: raw.ack ?? USUAL.ackMs,
    scrapeMs: raw.scrape ?? USUAL.scrapeMs,
    stable: { errors: stable.errors, latency },
    canary: { errors: canary.errors ?? stable.errors, latency: canary.latency ?? latency },
    readyMs: canary.ready ?? 0,
    queries: new Map(
      Object.entries(raw.queries ?? {}).map(([name, one]) => [
        name,
        { canary: one.canary, stable: one.stable ?? null },
      ]),
    ),
    hooks: new Map(Object.entries(raw.hooks ?? {})),
    people: {
      as: people.as ?? null,
      approve: approve === null || typeof approve === 'number' ? approve : new Map(Object.entries(approve)),
      commands: (people.commands ?? []).map(({ at, do: deed }) => ({ atMs: at, deed })),
    },
    outages: (raw.outages ?? []).map(({ from, for: forMs }) => ({ fromMs: from, toMs: from + forMs })),
  };
}

/** What the plan asks and the world does not say. */
function unsaid(world: World, plan: PlanSpec, yaml: YamlDocument): readonly SerinError[] {
  const analyses = analysesOf(plan);
  const queries = analyses.filter((one) => one.kind === 'query');
  const missing = (path: string, message: string, hint: string): SerinError => ({
    ...{ code: 'SERIN_WORLD_INVALID' as const, message, hint, path, place: yaml.placeOf(path) },
  });
  const timed = analyses.find(({ kind }) => kind === 'latency');
  const asked = new Set(queries.filter(({ name }) => !world.queries.has(name)).map(({ name }) => name));
  const compared = queries.filter((one) => one.relative !== undefined && world.queries.get(one.name)?.stable === null);
  const targets = new Set(
    plan.strategy.steps.flatMap(({ webhook }) => (webhook === undefined ? [] : [webhook.target])),
  );
  return [
    ...(timed === undefined || world.stable.latency !== null
      ? []
      : [
          missing(
            'stable',
            `analysis ${timed.name} of the plan is about latency, and the world says nothing of it`,
            'Say stable.latency, like { p50: 40ms, p99: 300ms }, and canary.latency where it differs.',
          ),
        ]),
    ...[...asked].map((name) =>
      missing(
        'queries',
        `the plan asks the query of analysis ${name}, and the world does not say what it answers`,
        `Say queries."${name}".canary: a number, or numbers over time.`,
      ),
    ),
    ...compared.map(({ name }) =>
      missing(
        `queries.${name}`,
        `analysis ${name} compares with stable, and the world does not say what its query answers there`,
        `Say queries."${name}".stable.`,
      ),
    ),
    ...[...targets]
      .filter((target) => !world.hooks.has(target))
      .map((target) =>
        missing(
          'hooks',
          `a step of the plan asks hook ${target}, and the world does not say what it answers`,
          `Say hooks."${target}": open, wait, reject, fail or silent, or answers over time.`,
        ),
      ),
  ];
}

/** What the world says and the plan never asks: a name that was meant otherwise. */
function unknown(raw: WorldFile, plan: PlanSpec, yaml: YamlDocument): readonly SerinError[] {
  const { steps } = plan.strategy;
  const approve = typeof raw.people?.approve === 'object' ? raw.people.approve : {};
  const parts = [
    [
      'queries',
      'analysis with a query',
      raw.queries ?? {},
      analysesOf(plan).flatMap((one) => (one.kind === 'query' ? [one.name] : [])),
    ],
    ['hooks', 'step that asks hook', raw.hooks ?? {}, steps.flatMap(({ webhook }) => webhook?.target ?? [])],
    ['people.approve', 'step to approve', approve, steps.flatMap(({ approve: waits, name }) => (waits ? [name] : []))],
  ] as const;
  return parts.flatMap(([path, what, given, known]) =>
    Object.keys(given)
      .filter((name) => !known.includes(name))
      .map((name): SerinError => {
        const at = `${path}.${name}`;
        const message = `the plan has no ${what} ${name}.${didYouMean(name, known)}`;
        return { code: 'SERIN_WORLD_INVALID', message, path: at, place: yaml.keyPlaceOf(at) };
      }),
  );
}

function analysesOf({ analysis, strategy }: PlanSpec): readonly AnalysisSpec[] {
  return [...analysis, ...strategy.steps.flatMap((step) => step.analysis)];
}

import type { YamlDocument } from '../manifest/yaml-source.ts';
import type { AnalysisSpec } from '../model/analysis-spec.ts';
import type { PlanSpec } from '../model/documents.ts';
import type { SerinError } from '../model/errors.ts';
import { didYouMean } from '../model/suggest.ts';
import { CANARY } from '../model/variants.ts';
import type { World } from './world.ts';
import { saidOf } from './world-backends.ts';
import type { WorldFile } from './world-grammar.ts';

/** What the plan asks and the world does not say. */
export function unsaid(raw: WorldFile, world: World, plan: PlanSpec, yaml: YamlDocument): readonly SerinError[] {
  const missing = (path: string, message: string, hint: string): SerinError => ({
    ...{ code: 'SERIN_WORLD_INVALID' as const, message, hint, path, place: yaml.placeOf(path) },
  });
  const targets = new Set(
    plan.strategy.steps.flatMap(({ webhook }) => (webhook === undefined ? [] : [webhook.target])),
  );
  const { variants = [] } = plan;
  const { commands = [] } = raw.people ?? {};
  return [
    ...saidOf(raw, plan).flatMap((said, i) => unsaidOf(said.path, world.backends[i], plan, missing)),
    ...variants
      .filter((name) => raw.variants?.[name] === undefined)
      .map((name) =>
        missing(
          'variants',
          `the plan tests variant ${name}, and the world does not say how it answers`,
          `Say variants.${name}: { errors: 0.002 }, or {} where it answers as stable does.`,
        ),
      ),
    ...[...world.readout].flatMap(([name, { arms }]) =>
      variants
        .filter((arm) => !arms.has(arm))
        .map((arm) =>
          missing(
            `readout.${name}`,
            `the plan tests variant ${arm}, and the world does not say what its users do by ${name}`,
            `Say readout."${name}".variants.${arm}: a share of the users.`,
          ),
        ),
    ),
    ...commands.flatMap(({ do: deed, arm }, i) =>
      deed === 'promote' && arm === undefined && variants.length > 0
        ? [
            missing(
              `people.commands[${i}]`,
              'the plan tests several arms: which of them is promoted?',
              `Say arm: ${[CANARY, ...variants].join(' or ')}.`,
            ),
          ]
        : [],
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

/** Of one backend; `path` is where it stands. */
function unsaidOf(
  path: string,
  own: World['backends'][number] | undefined,
  plan: PlanSpec,
  missing: (path: string, message: string, hint: string) => SerinError,
): readonly SerinError[] {
  if (own === undefined) return [];
  const of = path === '' ? '' : ` (of ${own.backend})`;
  const analyses = analysesOf(plan);
  const queries = analyses.filter((one) => one.kind === 'query');
  const timed = analyses.find(({ kind }) => kind === 'latency');
  const asked = new Set(queries.filter(({ name }) => !own.queries.has(name)).map(({ name }) => name));
  const compared = queries.filter((one) => one.relative !== undefined && own.queries.get(one.name)?.stable === null);
  return [
    ...(timed === undefined || own.stable.latency !== null
      ? []
      : [
          missing(
            `${path}stable`,
            `analysis ${timed.name} of the plan is about latency, and the world says nothing of it${of}`,
            `Say ${path}stable.latency, like { p50: 40ms, p99: 300ms }, and ${path}canary.latency where it differs.`,
          ),
        ]),
    ...[...asked].map((name) =>
      missing(
        path === '' ? 'queries' : `${path}queries`,
        `the plan asks the query of analysis ${name}, and the world does not say what it answers${of}`,
        `Say ${path}queries."${name}".canary: a number, or numbers over time.`,
      ),
    ),
    ...compared.map(({ name }) =>
      missing(
        `${path}queries.${name}`,
        `analysis ${name} compares with stable, and the world does not say what its query answers there${of}`,
        `Say ${path}queries."${name}".stable.`,
      ),
    ),
    ...[...own.queries].flatMap(([name, { arms }]) =>
      (plan.variants ?? [])
        .filter((arm) => !arms.has(arm))
        .map((arm) =>
          missing(
            `${path}queries.${name}`,
            `the plan tests variant ${arm}, and the world does not say what the query of ${name} answers about it`,
            `Say queries."${name}".variants.${arm}.`,
          ),
        ),
    ),
  ];
}

/** What the world says and the plan never asks: a name that was meant otherwise. */
export function unknown(raw: WorldFile, plan: PlanSpec, yaml: YamlDocument): readonly SerinError[] {
  const { steps } = plan.strategy;
  const approve = typeof raw.people?.approve === 'object' ? raw.people.approve : {};
  const queries = analysesOf(plan).flatMap((one) => (one.kind === 'query' ? [one.name] : []));
  const shares = (plan.readout ?? []).flatMap(({ kind, name }) => (kind === 'share' ? [name] : []));
  const { variants = [] } = plan;
  const parts: readonly (readonly [string, string, object, readonly string[]])[] = [
    ...saidOf(raw, plan).flatMap(({ path, said }) => [
      [`${path}queries`, 'analysis with a query', said.queries ?? {}, queries] as const,
      ...Object.entries(said.queries ?? {}).map(
        ([name, one]) => [`${path}queries.${name}.variants`, 'variant', one.variants ?? {}, variants] as const,
      ),
    ]),
    ['variants', 'variant', raw.variants ?? {}, variants],
    ['readout', 'readout with successes', raw.readout ?? {}, shares],
    ...Object.entries(raw.readout ?? {}).map(
      ([name, one]) => [`readout.${name}.variants`, 'variant', one.variants ?? {}, variants] as const,
    ),
    ['hooks', 'step that asks hook', raw.hooks ?? {}, steps.flatMap(({ webhook }) => webhook?.target ?? [])],
    ['people.approve', 'step to approve', approve, steps.flatMap(({ approve: waits, name }) => (waits ? [name] : []))],
  ];
  const strange = (what: string, name: string, known: readonly string[], path: string, isKey: boolean): SerinError => ({
    ...{ code: 'SERIN_WORLD_INVALID' as const, message: `the plan has no ${what} ${name}.${didYouMean(name, known)}` },
    ...{ path, place: isKey ? yaml.keyPlaceOf(path) : yaml.placeOf(path) },
  });
  return [
    ...parts.flatMap(([path, what, given, known]) =>
      Object.keys(given)
        .filter((name) => !known.includes(name))
        .map((name) => strange(what, name, known, `${path}.${name}`, true)),
    ),
    ...(raw.people?.commands ?? []).flatMap(({ do: deed, arm }, i) => {
      const arms = variants.length === 0 ? [] : [CANARY, ...variants];
      if (arm === undefined) return [];
      const path = `people.commands[${i}].arm`;
      if (!arms.includes(arm)) return [strange('arm', arm, arms, path, false)];
      if (deed === 'promote') return [];
      const message = `${deed} is about all arms, not about ${arm}`;
      return [{ code: 'SERIN_WORLD_INVALID' as const, message, path, place: yaml.placeOf(path) }];
    }),
  ];
}

function analysesOf({ analysis, strategy }: PlanSpec): readonly AnalysisSpec[] {
  return [...analysis, ...strategy.steps.flatMap((step) => step.analysis)];
}

import { check } from '../manifest/check-yaml.ts';
import { readYaml, type SourceFile } from '../manifest/yaml-source.ts';
import type { PlanSpec } from '../model/documents.ts';
import { fail, ok, type Result, type SerinError } from '../model/errors.ts';
import { CANARY } from '../model/variants.ts';
import type { BackendWorld, QueryWorld, ReadoutWorld, TestedWorld, World } from './world.ts';
import { backendProblems, type SaidOfBackend, saidOf } from './world-backends.ts';
import { type WorldFile, WorldGrammar } from './world-grammar.ts';
import { unknown, unsaid } from './world-problems.ts';

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
  errors.push(...backendProblems(raw, plan, yaml));
  // Of backends that are not the plan's nothing more is to be said.
  if (errors.length > 0) return { kind: 'error', errors };
  const world = worldOf(raw, plan);
  errors.push(...unsaid(raw, world, plan, yaml), ...unknown(raw, plan, yaml));
  return errors.length > 0 ? { kind: 'error', errors } : ok(world);
}

function worldOf(raw: WorldFile, plan: PlanSpec): World {
  const { people = {} } = raw;
  const approve = people.approve ?? null;
  return {
    startsAtMs: raw.starts === undefined ? USUAL_START_MS : Date.parse(raw.starts),
    backends: saidOf(raw, plan).map((said) => backendOf(said, plan)),
    burst: raw.burst ?? USUAL.burst,
    testers: raw.testers ?? 0,
    envoys: raw.envoys ?? USUAL.envoys,
    ackMs: raw.ack ?? USUAL.ackMs,
    scrapeMs: raw.scrape ?? USUAL.scrapeMs,
    readout: new Map(Object.entries(raw.readout ?? {}).map(([name, one]) => [name, readoutOf(one)])),
    hooks: new Map(Object.entries(raw.hooks ?? {})),
    people: {
      as: people.as ?? null,
      approve: approve === null || typeof approve === 'number' ? approve : new Map(Object.entries(approve)),
      commands: (people.commands ?? []).map(({ at, do: deed, arm }) => ({
        ...{ atMs: at, deed },
        ...(arm === undefined ? {} : { arm }),
      })),
    },
    outages: (raw.outages ?? []).map(({ from, for: forMs }) => ({ fromMs: from, toMs: from + forMs })),
  };
}

function backendOf({ backend, said }: SaidOfBackend, plan: PlanSpec): BackendWorld {
  const { requests, stable, variants = {} } = said;
  const latency = stable.latency ?? null;
  const tested = (name: string, own: WorldFile['canary'] = {}): TestedWorld => ({
    name,
    errors: own.errors ?? stable.errors,
    latency: own.latency ?? latency,
    readyMs: own.ready ?? 0,
  });
  return {
    ...{ backend, requests, stable: { errors: stable.errors, latency } },
    arms: [tested(CANARY, said.canary), ...(plan.variants ?? []).map((name) => tested(name, variants[name]))],
    queries: new Map(
      Object.entries(said.queries ?? {}).map(([name, one]): [string, QueryWorld] => [
        name,
        { arms: byArm(one), stable: one.stable ?? null },
      ]),
    ),
  };
}

function readoutOf(one: NonNullable<WorldFile['readout']>[string]): ReadoutWorld {
  return { users: one.users, stable: one.stable, arms: byArm(one) };
}

function byArm<T>({
  canary,
  variants = {},
}: {
  readonly canary: T;
  readonly variants?: Readonly<Record<string, T>> | undefined;
}): ReadonlyMap<string, T> {
  return new Map([[CANARY, canary], ...Object.entries(variants)]);
}

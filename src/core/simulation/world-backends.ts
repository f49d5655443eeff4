import type { YamlDocument } from '../manifest/yaml-source.ts';
import type { PlanSpec } from '../model/documents.ts';
import type { SerinError } from '../model/errors.ts';
import { backendsOfPlan } from '../model/joint-spec.ts';
import { nameSome } from '../model/name-some.ts';
import { didYouMean } from '../model/suggest.ts';
import type { WorldFile } from './world-grammar.ts';

/** A world says of the one backend of a plan at its top, and of several under `backends`. */

type Said = Pick<WorldFile, 'canary' | 'variants' | 'queries'> &
  Required<{ readonly [K in 'requests' | 'stable']: NonNullable<WorldFile[K]> }>;

export interface SaidOfBackend {
  readonly backend: string;
  /** Where it stands: nothing, or `backends.cart.`. */
  readonly path: string;
  readonly said: Said;
}

const OF_ONE = ['requests', 'stable', 'canary', 'queries'] as const;

/** What the world says of each backend of the plan, the first one first. */
export function saidOf(raw: WorldFile, plan: PlanSpec): readonly SaidOfBackend[] {
  const { requests, stable, canary, variants, queries, backends = {} } = raw;
  if (plan.joint === undefined) {
    if (requests === undefined || stable === undefined) return [];
    return [{ backend: plan.backend, path: '', said: { requests, stable, canary, variants, queries } }];
  }
  return backendsOfPlan(plan).flatMap((backend) => {
    const said = backends[backend];
    return said === undefined ? [] : [{ backend, path: `backends.${backend}.`, said }];
  });
}

/** Does it say of the backends that the plan has, and of no others? */
export function backendProblems(raw: WorldFile, plan: PlanSpec, yaml: YamlDocument): readonly SerinError[] {
  const code = 'SERIN_WORLD_INVALID' as const;
  const { backends } = raw;
  const names = backendsOfPlan(plan);
  if (plan.joint === undefined) {
    if (backends !== undefined) {
      const message = `the plan rolls out ${plan.backend} alone`;
      const hint = 'Write requests, stable and canary at the top, without backends.';
      return [{ code, message, hint, path: 'backends', place: yaml.keyPlaceOf('backends') }];
    }
    const lacking = [
      ...(raw.requests === undefined ? [['requests', 'expected requests per second, to all revisions together']] : []),
      ...(raw.stable === undefined ? [['stable', 'expected how the stable revision answers']] : []),
    ];
    return lacking.map(([path = '', message = '']) => ({ code, message, path, place: yaml.placeOf('') }));
  }
  const misplaced = OF_ONE.filter((key) => raw[key] !== undefined).map((path): SerinError => {
    const message = `the plan rolls out ${nameSome(names)} together, and this says of none of them what it is about`;
    const hint = `Write it under each of backends: backends.${plan.backend}.${path}.`;
    return { code, message, hint, path, place: yaml.keyPlaceOf(path) };
  });
  const known = Object.keys(backends ?? {});
  const missing = names
    .filter((name) => !known.includes(name))
    .map((name): SerinError => {
      const message = `the plan rolls out backend ${name}, and the world does not say how it is`;
      const hint = `Say backends.${name}: { requests: 100, stable: { errors: 0.002 } }, and canary where it differs.`;
      const path = backends === undefined ? '' : 'backends';
      return { code, message, hint, path, place: yaml.placeOf(path) };
    });
  const strange = known
    .filter((name) => !names.includes(name))
    .map((name): SerinError => {
      const path = `backends.${name}`;
      const message = `the plan has no backend ${name}.${didYouMean(name, names)}`;
      return { code, message, path, place: yaml.keyPlaceOf(path) };
    });
  return [...misplaced, ...missing, ...strange];
}

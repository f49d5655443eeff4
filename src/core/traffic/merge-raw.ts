import { isObject } from '../model/is-object.ts';
import type { RawEnvoy } from '../model/raw-envoy.ts';

/**
 * A resource with what its document says in Envoy's own words: messages and maps field by field, lists and values as a
 * whole. An extension of another type takes the place of the one that is there.
 */
export function mergeRaw<T extends object>(resource: T, patch: RawEnvoy | undefined): T {
  return patch === undefined ? resource : (merged(resource, patch) as T);
}

function merged(base: unknown, patch: RawEnvoy): RawEnvoy {
  const from = isObject(base) && base['@type'] === patch['@type'] ? base : {};
  const kept = Object.entries(from).filter(([key]) => !Object.hasOwn(patch, key));
  const said = Object.entries(patch).filter(([, value]) => value !== null);
  return Object.fromEntries([
    ...kept,
    ...said.map(([key, value]) => [key, isObject(value) ? merged(from[key], value) : value]),
  ]);
}

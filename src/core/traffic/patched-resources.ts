import { pinnedCluster } from '../model/revision.ts';
import type { FleetTable } from '../model/traffic.ts';
import type { EnvoyResources } from './envoy-resources.ts';
import { ruleOf } from './evaluate/known-arms.ts';
import { virtualHostName } from './route-configuration.ts';

/** A resource that is not as Serin alone would write it. */
export interface PatchedResource {
  readonly kind: 'route' | 'virtual host' | 'cluster';
  readonly name: string;
  /** Of a route: its virtual host. */
  readonly host?: string;
  /** Whose words they are, like `rawEnvoy of Route shop, rule checkout`. */
  readonly by: string;
}

export function patchedResources(table: FleetTable, { routes }: EnvoyResources): readonly PatchedResource[] {
  const all = [...table.owners.values()].map(({ value }) => value);
  return all.flatMap((value): PatchedResource[] => {
    if (value.kind === 'listener') return [];
    if (value.kind === 'backend') {
      return value.revisions.flatMap((revision) => {
        if (revision.rawEnvoy === undefined) return [];
        const names = value.pinned.includes(revision.key)
          ? [revision.cluster, pinnedCluster(revision)]
          : [revision.cluster];
        return names.map((name) => ({ kind: 'cluster' as const, name, by: byBackend(value.backend, revision.name) }));
      });
    }
    const name = virtualHostName(value.route);
    const made = routes.flatMap(({ virtualHosts }) => virtualHosts).find((host) => host.name === name)?.routes ?? [];
    const own =
      value.spec.rawEnvoy === undefined ? [] : [{ kind: 'virtual host' as const, name, by: byRoute(value.route) }];
    return [
      ...own,
      ...made.flatMap((route) => {
        const by = patchOfRule(table, name, route.name);
        return by === null ? [] : [{ kind: 'route' as const, name: route.name, host: name, by }];
      }),
    ];
  });
}

/** What is patched on the way of a request: its host, its route, and the clusters that it may go to. */
export function patchesOnTheWay(
  patched: readonly PatchedResource[],
  way: { readonly host: string; readonly route: string | null; readonly clusters: readonly string[] },
): readonly PatchedResource[] {
  return patched.filter(({ kind, name, host }) => {
    if (kind === 'cluster') return way.clusters.includes(name);
    return kind === 'route' ? host === way.host && name === way.route : name === way.host;
  });
}

export function patchText({ kind, name, by }: PatchedResource): string {
  return `${kind} ${name} is patched by ${by}`;
}

function patchOfRule(table: FleetTable, host: string, route: string): string | null {
  // What Envoy answers while nothing is deployed is Serin's alone.
  if (route.endsWith('-not-deployed')) return null;
  const named = ruleOf(table, host, route)?.rule;
  for (const { value } of table.owners.values()) {
    if (value.kind !== 'route' || virtualHostName(value.route) !== host) continue;
    const rule = value.spec.rules.find(({ name }) => name === named);
    if (rule?.rawEnvoy !== undefined) return `${byRoute(value.route)}, rule ${rule.name}`;
  }
  return null;
}

function byRoute(route: string): string {
  return `rawEnvoy of Route ${route}`;
}

function byBackend(backend: string, revision: string): string {
  return `rawEnvoy of Backend ${backend}, revision ${revision}`;
}

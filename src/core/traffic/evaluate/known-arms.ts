import { pinnedCluster } from '../../model/revision.ts';
import type { FleetTable } from '../../model/traffic.ts';
import { CANARY } from '../../model/variants.ts';
import { safeName } from '../safe-name.ts';

/** What stands behind a cluster. */
export interface KnownArm {
  readonly cluster: string;
  readonly backend: string;
  readonly revision: string;
  /** `stable`, `canary` or the name of a variant; `null`: it takes part in no split. */
  readonly arm: string | null;
}

/** The arms of a table's clusters. */
export function knownArms(table: FleetTable): readonly KnownArm[] {
  return [...table.owners.values()].flatMap(({ value }) => {
    if (value.kind !== 'backend') return [];
    const [first] = value.split;
    return value.revisions.flatMap((revision): KnownArm[] => {
      const isSplit = value.split.some(({ cluster }) => cluster === revision.cluster);
      const isPinned = value.pins.some(({ cluster }) => cluster === pinnedCluster(revision));
      const isFirst = first?.cluster === revision.cluster;
      const variant = value.variants?.find(({ cluster }) => cluster === revision.cluster)?.name;
      const arm = isFirst ? 'stable' : isSplit || isPinned ? (variant ?? CANARY) : null;
      const known = { backend: value.backend, revision: revision.name, arm } as const;
      return [
        { cluster: revision.cluster, ...known },
        { cluster: pinnedCluster(revision), ...known },
      ];
    });
  });
}

/** The rule of a Route that a route of its virtual host was made of, and which of its matches. */
export function ruleOf(table: FleetTable, host: string, route: string): { rule: string; match: number } | null {
  for (const { value } of table.owners.values()) {
    if (value.kind !== 'route' || safeName(value.route) !== host) continue;
    for (const { name } of value.spec.rules) {
      const rest = route.startsWith(`${safeName(name)}-`) ? route.slice(safeName(name).length + 1) : '';
      const match = /^(\d+)(?:-pin-\d+|-not-deployed)?$/.exec(rest)?.[1];
      if (match !== undefined) return { rule: name, match: Number(match) };
    }
  }
  return null;
}

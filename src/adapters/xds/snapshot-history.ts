import type { PlainResource } from '../../core/fleet/resource-diff.ts';
import { samePosition } from '../../core/model/position.ts';
import type { Position } from '../../core/model/traffic.ts';
import type { EnvoyResources } from '../../core/traffic/envoy-resources.ts';
import type { Snapshot } from './snapshot.ts';
import type { XdsType } from './xds-types.ts';

/** Types that a snapshot carries, and the name of their list among the resources. */
const LISTS = {
  cluster: 'clusters',
  endpoint: 'endpoints',
  listener: 'listeners',
  route: 'routes',
} as const satisfies Partial<Record<XdsType, keyof EnvoyResources>>;
type KeptType = keyof typeof LISTS;
const KEPT_TYPES = Object.keys(LISTS) as KeptType[];

interface Entry {
  readonly position: Position;
  /** Whom it was for; `null`: everybody else. */
  readonly probe: string | null;
  readonly versions: Readonly<Record<KeptType, string>>;
}

export interface HistoryLimits {
  /** @default 256 */
  readonly entries: number;
  /** Of text, per fleet. @default 4 MiB */
  readonly bytes: number;
}

export interface SnapshotHistory {
  record(snapshot: Snapshot, resources: EnvoyResources, probe: string | null): void;
  ofVersion(type: XdsType, version: string): readonly PlainResource[] | null;
  ofPosition(type: XdsType, position: Position, nodeId: string): readonly PlainResource[] | null;
}

/**
 * The last snapshots of one fleet, so that a version an Envoy stands at can be told in words. Kept as text: a tenth of
 * the memory of the objects, and read only when a person asks. Content that several snapshots share is kept once.
 */
export function createSnapshotHistory(limits: HistoryLimits = { entries: 256, bytes: 4_194_304 }): SnapshotHistory {
  const entries: Entry[] = [];
  const texts = new Map<string, { readonly text: string; uses: number }>();
  let bytes = 0;

  const forgetOldest = () => {
    const oldest = entries.shift();
    if (oldest === undefined) return;
    for (const type of KEPT_TYPES) {
      const key = keyOf(type, oldest.versions[type]);
      const kept = texts.get(key);
      if (kept === undefined) continue;
      kept.uses -= 1;
      if (kept.uses > 0) continue;
      texts.delete(key);
      bytes -= kept.text.length;
    }
  };
  const read = (type: XdsType, version: string): readonly PlainResource[] | null => {
    const kept = texts.get(keyOf(type, version));
    return kept === undefined ? null : (JSON.parse(kept.text) as PlainResource[]);
  };
  return {
    record(snapshot, resources, probe) {
      const versions = {
        cluster: snapshot.cluster.version,
        endpoint: snapshot.endpoint.version,
        listener: snapshot.listener.version,
        route: snapshot.route.version,
      };
      entries.push({ position: snapshot.position, probe, versions });
      for (const type of KEPT_TYPES) {
        const key = keyOf(type, versions[type]);
        const kept = texts.get(key) ?? { text: JSON.stringify(resources[LISTS[type]]), uses: 0 };
        if (kept.uses === 0) bytes += kept.text.length;
        kept.uses += 1;
        texts.set(key, kept);
      }
      while (entries.length > limits.entries || (bytes > limits.bytes && entries.length > 1)) forgetOldest();
    },
    ofVersion: read,
    ofPosition(type, position, nodeId) {
      const at = entries.filter((entry) => samePosition(entry.position, position));
      const entry = at.find(({ probe }) => probe === nodeId) ?? at.find(({ probe }) => probe === null);
      return entry === undefined || !isKept(type) ? null : read(type, entry.versions[type]);
    },
  };
}

function isKept(type: XdsType): type is KeptType {
  return Object.hasOwn(LISTS, type);
}

function keyOf(type: XdsType, version: string): string {
  return `${type}/${version}`;
}

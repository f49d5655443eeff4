import { describe, expect, it } from 'vitest';
import { createCodec } from '../../../src/adapters/xds/codec.ts';
import { loadProtoBundle } from '../../../src/adapters/xds/proto-bundle.ts';
import { buildSnapshot, type Snapshot } from '../../../src/adapters/xds/snapshot.ts';
import { createSnapshotHistory } from '../../../src/adapters/xds/snapshot-history.ts';
import { buildResources } from '../../../src/core/traffic/build-resources.ts';
import type { EnvoyResources } from '../../../src/core/traffic/envoy-resources.ts';
import { backend, revision, route, rule, table } from '../../core/traffic/tables.ts';

const codec = createCodec(loadProtoBundle(), 'test');
const v1 = revision('shop', 'v1');

function published(n: number, timeoutMs: number): { snapshot: Snapshot; resources: EnvoyResources } {
  const built = buildResources(
    table(n, [backend('shop', [[v1, 10_000]]), route('web', [rule('shop', { timeoutMs })])]),
  );
  if (built.kind === 'error') throw new Error(built.errors[0]?.message);
  return { snapshot: buildSnapshot(built.value, { epoch: 'e1', n }, n, codec, null), resources: built.value };
}
const at = (n: number) => ({ epoch: 'e1', n });

describe('what was published', () => {
  it('is found by version and by revision', () => {
    const history = createSnapshotHistory();
    const [one, two] = [published(1, 1_000), published(2, 2_000)];
    history.record(one.snapshot, one.resources, null);
    history.record(two.snapshot, two.resources, null);
    expect(history.ofVersion('route', one.snapshot.route.version)).toEqual(one.resources.routes);
    expect(history.ofPosition('route', at(2), 'a')).toEqual(two.resources.routes);
    expect(history.ofPosition('cluster', at(1), 'a')).toEqual(one.resources.clusters);
    expect(history.ofVersion('route', 'never')).toBeNull();
    expect(history.ofPosition('route', { epoch: 'other', n: 1 }, 'a')).toBeNull();
    expect(history.ofPosition('runtime', at(1), 'a')).toBeNull();
  });

  it('to the probe of a trial is the probe’s alone', () => {
    const history = createSnapshotHistory();
    const [all, tried] = [published(3, 1_000), published(3, 9_000)];
    history.record(all.snapshot, all.resources, null);
    history.record(tried.snapshot, tried.resources, 'probe');
    expect(history.ofPosition('route', at(3), 'probe')).toEqual(tried.resources.routes);
    expect(history.ofPosition('route', at(3), 'other')).toEqual(all.resources.routes);
  });

  it('is forgotten by number, and kept while a younger one shares it', () => {
    const history = createSnapshotHistory({ entries: 2, bytes: 1_000_000 });
    const all = [published(1, 1_000), published(2, 2_000), published(3, 3_000)];
    for (const { snapshot, resources } of all) history.record(snapshot, resources, null);
    expect(history.ofPosition('route', at(1), 'a')).toBeNull();
    expect(history.ofVersion('route', all[0]?.snapshot.route.version ?? '')).toBeNull();
    expect(history.ofVersion('cluster', all[0]?.snapshot.cluster.version ?? '')).toEqual(all[0]?.resources.clusters);
  });

  it('is forgotten by size, but never the newest', () => {
    const size = ({ resources }: ReturnType<typeof published>) =>
      [resources.clusters, resources.endpoints, resources.routes].reduce((sum, l) => sum + JSON.stringify(l).length, 0);
    const all = [published(1, 1_000), published(2, 2_000), published(3, 3_000)];
    const [first] = all;
    if (first === undefined) throw new Error('unreachable');
    const history = createSnapshotHistory({ entries: 100, bytes: size(first) + 10 });
    for (const { snapshot, resources } of all) history.record(snapshot, resources, null);
    expect([1, 2, 3].map((n) => history.ofPosition('route', at(n), 'a') !== null)).toEqual([false, false, true]);
    const tiny = createSnapshotHistory({ entries: 100, bytes: 1 });
    tiny.record(first.snapshot, first.resources, null);
    expect(tiny.ofPosition('route', at(1), 'a')).toEqual(first.resources.routes);
  });
});

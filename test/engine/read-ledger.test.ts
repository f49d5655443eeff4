import { expect, it } from 'vitest';
import { FleetLedgers } from '../../src/core/fleet/fleet-ledgers.ts';
import { startOf } from '../../src/core/fleet/ledger-stream.ts';
import { liveness } from '../../src/core/fleet/liveness.ts';
import { shareLedger } from '../../src/engine/share-ledger.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeLedger } from '../support/fake-ledger.ts';
import { quiet } from '../support/quiet-logger.ts';

const OUTAGES_MS = [15_000, 45_000, 120_000];
/** Who looks for the store first after it is back, the one that asks or the other one. */
const ORDERS = [
  ['asking', 'other'],
  ['other', 'asking'],
] as const;

it.each(OUTAGES_MS.flatMap((ms) => ORDERS.map((order) => [ms, order] as const)))(
  'after %d ms without the store, nobody goes on without the Envoys of a replica that was there all the time: %s',
  async (outageMs, order) => {
    // given two replicas, and an Envoy at the other one that is behind
    const clock = fakeClock();
    const store = fakeLedger(clock);
    const replicas = { asking: new FleetLedgers(() => clock.now()), other: new FleetLedgers(() => clock.now()) };
    let names = 0;
    const newName = () => {
      names += 1;
      return `replica-${names}`;
    };
    const hold = (ledgers: FleetLedgers, nodeId: string, n: number) => {
      const position = { epoch: 'e', n };
      const progress = { ...startOf(clock.now()), position, counts: true, routes: true, routesAt: position };
      const identity = { nodeId, metricsName: null, envoyVersion: null, protocol: 'sotw', only: null } as const;
      ledgers.open('edge', identity, () => progress);
    };
    const sharing = order.map((name) =>
      shareLedger({ ledgers: replicas[name], store, newName, regressed: () => false, clock, logger: quiet }),
    );
    for (const shared of sharing) {
      void shared.start();
      await clock.advance(500);
    }
    hold(replicas.asking, 'ready', 6);
    hold(replicas.other, 'behind', 5);
    await clock.advance(2_000);
    const counted = () => {
      const state = replicas.asking.state('edge');
      const observed = { edge: { state, position: { epoch: 'e', n: 6 }, trial: null } };
      const asking = { routesOnly: false, by: 'rollout/r', graceMs: 30_000, nowMs: clock.now() };
      return liveness({ edge: ['ready', 'behind'] }, observed, asking).kind;
    };
    const seen = new Set<string>();
    replicas.asking.onProgress(() => seen.add(counted()));
    // when
    store.setDown(true);
    await clock.advance(outageMs);
    store.setDown(false);
    for (let i = 0; i < 1_000; i += 1) {
      await clock.advance(10);
      seen.add(counted());
    }
    // then
    expect(seen).not.toContain('live');
    expect(counted()).toBe('waiting');
    for (const shared of sharing) await shared.stop();
  },
);

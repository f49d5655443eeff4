import type { FleetNode } from '../../src/core/model/fleet-state.ts';
import type { FleetTable, Position } from '../../src/core/model/traffic.ts';
import { withTrial } from '../../src/core/traffic/with-trial.ts';
import type { FleetView } from '../../src/engine/ports/fleet-view.ts';
import type { TrafficFeed } from '../../src/engine/ports/store.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import { node } from '../support/rollouts.ts';
import type { Random } from './random.ts';

export interface FakeEnvoys extends FleetView {
  connect(id: string): void;
  disconnect(id: string): void;
  /** What an Envoy really runs. */
  applied(id: string): Position | null;
  connected(id: string): boolean;
  /** When `connected` last changed. */
  changedAtMs(id: string): number;
}

interface Envoy {
  readonly id: string;
  fields: FleetNode;
  /** A reconnect starts a new stream without credit, but the Envoy goes on with what it had. */
  applied: Position | null;
}

/**
 * Envoys that take tables in order, each after a delay of its own; a table is ACKed at the revision it was read at,
 * or refused as a whole.
 */
export async function fakeEnvoys(
  ids: readonly string[],
  traffic: TrafficFeed,
  clock: FakeClock,
  random: Random,
  refuses: (table: FleetTable) => boolean,
): Promise<FakeEnvoys> {
  const envoys = new Map(ids.map((id): [string, Envoy] => [id, { id, fields: node(id), applied: null }]));
  const listeners = new Set<(fleet: string) => void>();
  const startMs = clock.now();
  const progress = () => {
    for (const listener of listeners) listener('edge');
  };
  const take = (envoy: Envoy, table: FleetTable) => {
    const slow = random.chance(0.05) ? random.between(5_000, 60_000) : random.between(1, 800);
    clock.setTimer(slow, () => {
      const { credited, connected } = envoy.fields;
      if (!connected || (credited !== null && credited.n >= table.position.n)) return;
      if (refuses(table)) {
        const trial = table.trial?.probe === envoy.id ? table.trial.by : null;
        const nack = { position: table.position, type: 'RDS', trial, message: 'regex is too large', atMs: clock.now() };
        envoy.fields = { ...envoy.fields, nack };
        return progress();
      }
      envoy.applied = table.position;
      envoy.fields = { ...envoy.fields, nack: null, credited: table.position, creditedAtMs: clock.now() };
      progress();
    });
  };
  const push = async (envoy: Envoy) => {
    const table = await traffic.table('edge');
    if (table.kind !== 'ok' || !envoy.fields.connected) return;
    const { trial } = table.value;
    take(envoy, trial?.probe === envoy.id ? withTrial(table.value, trial) : table.value);
  };
  await traffic.follow(() => {
    for (const envoy of envoys.values()) void push(envoy);
  });
  // The xDS side polls as well, so a lost hint costs seconds.
  const poll = () => {
    for (const envoy of envoys.values()) void push(envoy);
    clock.setTimer(2_000, poll);
  };
  poll();
  const set = (id: string, fields: Partial<FleetNode>) => {
    const envoy = envoys.get(id);
    if (envoy === undefined) return;
    envoy.fields = { ...envoy.fields, ...fields };
    progress();
    void push(envoy);
  };
  return {
    state: (fleet) => ({
      fleet,
      observedSinceMs: startMs,
      complete: true,
      nodes: [...envoys.values()].map(({ fields }) => fields),
    }),
    onProgress: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    connect: (id) => set(id, { connected: true, changedAtMs: clock.now(), credited: null }),
    disconnect: (id) => set(id, { connected: false, changedAtMs: clock.now() }),
    applied: (id) => envoys.get(id)?.applied ?? null,
    connected: (id) => envoys.get(id)?.fields.connected ?? false,
    changedAtMs: (id) => envoys.get(id)?.fields.changedAtMs ?? startMs,
  };
}

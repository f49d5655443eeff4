import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FleetLedgers, type LedgerEntry } from '../../src/core/fleet/fleet-ledgers.ts';
import { type StreamProgress, startOf } from '../../src/core/fleet/ledger-stream.ts';
import { connectedNodes, liveness } from '../../src/core/fleet/liveness.ts';
import type { FleetNode } from '../../src/core/model/fleet-state.ts';
import type { Clock, Timer } from '../../src/engine/ports/clock.ts';
import { type SharedLedger, shareLedger } from '../../src/engine/share-ledger.ts';
import { type FakeClock, fakeClock } from '../support/fake-clock.ts';
import { type FakeLedger, fakeLedger } from '../support/fake-ledger.ts';
import { quiet } from '../support/quiet-logger.ts';

/**
 * Laws of the shared ledger, for any number of streams per node, replicas that die, freeze and come back, and a store
 * that is away or forgets:
 * 1. What a view credits a node with, that node has ACKed.
 * 2. A view that is complete knows every node, and credits it with no more than each of its streams has, once these
 *    have been there for long enough to be known.
 * 3. A view is not complete when the store has been away, or its replica stopped, for more than three seconds.
 * 4. Once nothing happens for longer than a lease, all running replicas see the same and the truth: who is connected,
 *    where, and how far; and a counted set is live exactly when all of it is there.
 * 5. Who left is counted from when it left, not from when its replica's lease ran out or somebody asked.
 */
const NODES = ['a', 'b', 'c'];
const REPLICAS = 3;
const LEASE_MS = 10_000;

interface Stream {
  readonly nodeId: string;
  readonly replica: number;
  entry: LedgerEntry | null;
  readonly aggregated: boolean;
  position: number | null;
  /** When its client last said something, or came. */
  atMs: number;
  /** The client has gone away; the server may not have heard of it. */
  gone: boolean;
}

function progressOf({ position: n, atMs }: Stream): StreamProgress {
  if (n === null) return startOf(atMs);
  const position = { epoch: 'e', n };
  return {
    ...startOf(atMs),
    position,
    counts: true,
    routes: true,
    routesAt: position,
    types: [{ type: 'route', sent: `v${n}`, acked: `v${n}`, nack: null }],
  };
}

interface Running {
  readonly ledgers: FleetLedgers;
  readonly shared: SharedLedger;
  readonly clock: Frozen;
}

/** A clock whose timers wait while its process does. */
class Frozen implements Clock {
  readonly #clock: FakeClock;
  readonly #late: (() => void)[] = [];
  frozen = false;
  frozenAtMs = 0;
  dead = false;
  constructor(clock: FakeClock) {
    this.#clock = clock;
  }
  now(): number {
    return this.#clock.now();
  }
  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }
  setTimer(afterMs: number, fire: () => void): Timer {
    let over = false;
    const run = () => {
      if (!over && !this.dead) fire();
    };
    const timer = this.#clock.setTimer(afterMs, () => (this.frozen ? void this.#late.push(run) : run()));
    return {
      cancel: () => {
        over = true;
        timer.cancel();
      },
    };
  }
  freeze(): void {
    this.frozen = true;
    this.frozenAtMs = this.now();
  }
  thaw(): void {
    this.frozen = false;
    for (const run of this.#late.splice(0)) run();
  }
}

class World {
  readonly clock = fakeClock();
  readonly store: FakeLedger = fakeLedger(this.clock, LEASE_MS);
  readonly running: (Running | null)[] = Array.from({ length: REPLICAS }, () => null);
  readonly streams: Stream[] = [];
  readonly everAcked = new Map<string, number>();
  /** When a client last took a stream of this node away. */
  readonly leftAtMs = new Map<string, number>();
  names = 0;
  downSinceMs: number | null = null;

  async start(index: number): Promise<void> {
    if (this.running[index] !== null) return;
    const clock = new Frozen(this.clock);
    const ledgers = new FleetLedgers(() => clock.now());
    const shared = shareLedger({
      ledgers,
      // A process that is stopped hears nothing.
      store: {
        ...this.store,
        follow: (hint) => this.store.follow((from) => void (clock.frozen || clock.dead || hint(from))),
      },
      newName: () => {
        this.names += 1;
        return `r${index}-${this.names}`;
      },
      regressed: () => false,
      clock,
      logger: quiet,
    });
    this.running[index] = { ledgers, shared, clock };
    void shared.start();
    await this.clock.settle();
  }

  /** Its clients notice at once. */
  kill(index: number): void {
    const replica = this.running[index];
    if (replica === null || replica === undefined) return;
    replica.clock.dead = true;
    void replica.shared.stop();
    this.running[index] = null;
    for (const stream of this.at(index)) this.leave(stream);
  }

  freeze(index: number): void {
    const replica = this.running[index];
    if (replica && !replica.clock.frozen) replica.clock.freeze();
  }

  /** What happened to its connections meanwhile is heard along with the timers that are late. */
  thaw(index: number): void {
    const replica = this.running[index];
    if (!replica?.clock.frozen) return;
    // Law 3
    if (this.clock.now() - replica.clock.frozenAtMs > 3_000) {
      expect(replica.ledgers.state('edge').complete).toBe(false);
    }
    replica.clock.thaw();
    for (const stream of this.at(index)) if (stream.gone) this.leave(stream);
  }

  connect(nodeId: string, index: number, aggregated: boolean): void {
    const replica = this.running[index];
    if (!replica || replica.clock.frozen) return;
    const identity = { nodeId, metricsName: null, envoyVersion: null, protocol: 'sotw' as const };
    const only = aggregated ? null : ('route' as const);
    const atMs = this.clock.now();
    const stream: Stream = { nodeId, replica: index, entry: null, aggregated, position: null, atMs, gone: false };
    stream.entry = replica.ledgers.open('edge', { ...identity, only }, () => progressOf(stream));
    this.streams.push(stream);
  }

  ack(stream: Stream, n: number): void {
    const replica = this.running[stream.replica];
    if (!replica || replica.clock.frozen || stream.gone || n <= (stream.position ?? -1)) return;
    stream.position = n;
    stream.atMs = this.clock.now();
    this.everAcked.set(stream.nodeId, Math.max(n, this.everAcked.get(stream.nodeId) ?? 0));
    stream.entry?.changed('told');
  }

  leave(stream: Stream): void {
    stream.gone = true;
    this.leftAtMs.set(stream.nodeId, this.clock.now());
    const replica = this.running[stream.replica];
    if (replica?.clock.frozen) return;
    if (replica) stream.entry?.close();
    this.streams.splice(this.streams.indexOf(stream), 1);
  }

  at(index: number): Stream[] {
    return this.streams.filter(({ replica }) => replica === index);
  }

  of(nodeId: string): Stream[] {
    return this.streams.filter((stream) => stream.nodeId === nodeId && !stream.gone);
  }

  truth(nodeId: string): Pick<FleetNode, 'connected' | 'credited'> {
    const streams = this.of(nodeId);
    const all = streams.every(({ aggregated }) => aggregated);
    const said = streams.filter(({ position }) => position !== null);
    const enough = all ? said.length === streams.length : said.length > 0;
    const n = Math.min(...said.map(({ position }) => position ?? 0));
    const credited = streams.length > 0 && enough ? { epoch: 'e', n } : null;
    return { connected: streams.length > 0, credited };
  }

  check(): void {
    const nowMs = this.clock.now();
    for (const replica of this.running) {
      if (!replica || replica.clock.frozen) continue;
      const state = replica.ledgers.state('edge');
      for (const { nodeId, credited } of state.nodes) {
        // Law 1
        if (credited !== null) expect(credited.n).toBeLessThanOrEqual(this.everAcked.get(nodeId) ?? -1);
      }
      // Law 2
      for (const nodeId of state.complete ? NODES : []) {
        const seen = state.nodes.find((node) => node.nodeId === nodeId);
        const streams = this.of(nodeId);
        const one = streams.every(({ aggregated }) => aggregated);
        for (const stream of streams) {
          const held = this.running[stream.replica];
          // A view is at most so old; and who speaks for the stream has to be able to.
          const sinceMs = Math.max(stream.atMs, this.leftAtMs.get(nodeId) ?? 0);
          const able = held && !held.clock.frozen && held.ledgers.state('edge').complete;
          if (!able || nowMs - sinceMs <= 4_000) continue;
          expect(seen?.connected).toBe(true);
          // Beside streams of a type each, one that has nothing that counts says nothing.
          if (stream.position === null && !one) continue;
          if (seen?.credited != null) expect(seen.credited.n).toBeLessThanOrEqual(stream.position ?? -1);
        }
      }
      // Law 3
      if (this.downSinceMs !== null && nowMs - this.downSinceMs > 3_000) expect(state.complete).toBe(false);
    }
  }

  async settled(): Promise<void> {
    for (let index = 0; index < REPLICAS; index += 1) this.thaw(index);
    this.store.setDown(false);
    this.downSinceMs = null;
    await this.clock.advance(LEASE_MS + 5_000);
    const live = this.running.filter((replica) => replica !== null);
    for (const { ledgers } of live) {
      const state = ledgers.state('edge');
      // Law 4
      expect(state.complete).toBe(true);
      for (const nodeId of NODES) {
        const seen = state.nodes.find((node) => node.nodeId === nodeId);
        const { connected, credited } = this.truth(nodeId);
        expect(seen?.connected ?? false).toBe(connected);
        if (!connected || seen === undefined) continue;
        expect(seen.credited).toEqual(credited);
        expect(seen.replicas).toEqual(
          [...new Set(this.of(nodeId).map(({ replica }) => this.running[replica]?.ledgers.selfName ?? ''))].sort(),
        );
      }
      const position = { epoch: 'e', n: 3 };
      const observed = { edge: { state, position, trial: null } };
      const counted = connectedNodes(observed);
      const there = NODES.filter((nodeId) => this.truth(nodeId).connected);
      expect(counted.edge).toEqual(there);
      const late = there.filter((nodeId) => (this.truth(nodeId).credited?.n ?? -1) < 3);
      const asking = { routesOnly: false, by: 'rollout/r', graceMs: 60_000 };
      const verdict = liveness(counted, observed, { ...asking, nowMs: this.clock.now() });
      if (there.length === 0) expect(verdict.kind).toBe('empty');
      else if (late.length === 0) expect(verdict.kind).toBe('live');
      else expect(verdict).toMatchObject({ kind: 'waiting', laggards: { edge: late } });
    }
  }

  async end(): Promise<void> {
    for (let index = 0; index < REPLICAS; index += 1) this.kill(index);
    await this.clock.settle();
  }
}

const index = fc.nat({ max: REPLICAS - 1 });
const pick = fc.nat({ max: 20 });
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('connect' as const),
      node: fc.constantFrom(...NODES),
      index,
      own: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('ack' as const), pick, n: fc.nat({ max: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('start' as const), index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('freeze' as const), index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('thaw' as const), index }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('store' as const), what: fc.constantFrom('down', 'up', 'lose') }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 30, 400, 1_500, 5_000, 30_000) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function act(world: World, one: Step): Promise<void> {
  const chosen = (n: number) => world.streams[n % Math.max(1, world.streams.length)];
  switch (one.do) {
    case 'connect':
      return world.connect(one.node, one.index, !one.own);
    case 'ack': {
      const stream = chosen(one.pick);
      return stream === undefined ? undefined : world.ack(stream, one.n);
    }
    case 'leave': {
      const stream = chosen(one.pick);
      return stream === undefined ? undefined : world.leave(stream);
    }
    case 'start':
      return world.start(one.index);
    case 'kill':
      return world.kill(one.index);
    case 'freeze':
      return world.freeze(one.index);
    case 'thaw':
      return world.thaw(one.index);
    case 'store':
      if (one.what === 'lose') return world.store.lose();
      world.store.setDown(one.what === 'down');
      world.downSinceMs = one.what === 'down' ? (world.downSinceMs ?? world.clock.now()) : null;
      return;
    case 'wait':
      return world.clock.advance(one.ms);
  }
}

it('keeps its laws whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const world = new World();
      await world.start(0);
      await world.start(1);
      for (const one of steps) {
        await act(world, one);
        await world.clock.settle();
        world.check();
      }
      await world.settled();
      await world.end();
    }),
    { numRuns: 400 },
  );
}, 60_000);

it('law 5: dates a disconnect by when it happened, also where the replica died with it', async () => {
  const world = new World();
  await world.start(0);
  await world.start(1);
  world.connect('a', 0, true);
  world.connect('b', 1, true);
  await world.clock.advance(1_000);
  const startMs = world.clock.now();
  const [a] = world.of('a');
  if (a !== undefined) world.leave(a);
  await world.clock.advance(100);
  const view = () => world.running[0]?.ledgers.state('edge').nodes ?? [];
  const left = view().find(({ nodeId }) => nodeId === 'a');
  expect(left?.changedAtMs).toBe(startMs);
  world.kill(1);
  await world.clock.advance(60_000);
  const died = view().find(({ nodeId }) => nodeId === 'b');
  expect(died?.connected).toBe(false);
  expect((died?.changedAtMs ?? 0) - startMs).toBeLessThanOrEqual(LEASE_MS + 100);
  await world.end();
});

import { describe, expect, it } from 'vitest';
import type { LaggardPolicy } from '../../../src/core/model/documents.ts';
import type { FleetNode } from '../../../src/core/model/fleet-state.ts';
import type { Rollout } from '../../../src/core/rollout/rollout.ts';
import { step } from '../../../src/core/rollout/step.ts';
import type { Transition } from '../../../src/core/rollout/transition.ts';
import { transitionCommit } from '../../../src/engine/publish.ts';
import {
  backendState,
  node,
  planSpec,
  planStep,
  push,
  rollout,
  scriptedJudge,
  settings,
} from '../../support/rollouts.ts';

interface Fleet {
  n: number;
  standingN: number;
  trial: { readonly by: string; readonly probe: string; readonly position: { epoch: string; n: number } } | null;
  nodes: FleetNode[];
}

/** One rollout in two fleets, whose Envoys may bear the same names. */
class TwoFleets {
  rollout: Rollout;
  nowMs = 1_000;
  readonly fleets: Readonly<Record<'edge' | 'inner', Fleet>>;

  constructor(fields: Partial<Rollout>, edge: readonly string[], inner: readonly string[]) {
    this.rollout = rollout({ fleets: ['edge', 'inner'], ...fields });
    const fleet = (ids: readonly string[]): Fleet => ({
      n: 1,
      standingN: 1,
      trial: null,
      nodes: ids.map((id) => node(id, { credited: { epoch: 'e', n: 1 } })),
    });
    this.fleets = { edge: fleet(edge), inner: fleet(inner) };
  }

  tick(passedMs = 1): this {
    this.nowMs += passedMs;
    const transition = step({
      rollout: this.rollout,
      backend: backendState(),
      observed: { fleets: this.observed(), counters: null, queries: new Map(), scrapeMs: null },
      judge: scriptedJudge(() => 'pass'),
      judgement: null,
      settings,
      nowMs: this.nowMs,
    });
    this.commit(transition);
    return this;
  }

  ack(fleet: 'edge' | 'inner', ...ids: readonly string[]): this {
    const credited = { epoch: 'e', n: this.fleets[fleet].n };
    return this.patch(fleet, ids, { credited, creditedAtMs: this.nowMs, nack: null });
  }

  nack(fleet: 'edge' | 'inner', id: string): this {
    const position = { epoch: 'e', n: this.fleets[fleet].n };
    const trial = this.fleets[fleet].trial?.probe === id ? this.fleets[fleet].trial.by : null;
    return this.patch(fleet, [id], { nack: { position, type: 'RDS', trial, message: 'no', atMs: this.nowMs } });
  }

  leave(fleet: 'edge' | 'inner', ...ids: readonly string[]): this {
    return this.patch(fleet, ids, { connected: false, changedAtMs: this.nowMs });
  }

  probe(fleet: 'edge' | 'inner'): string {
    return this.rollout.push?.probe?.[fleet] ?? '';
  }

  private patch(fleet: 'edge' | 'inner', ids: readonly string[], fields: Partial<FleetNode>): this {
    const one = this.fleets[fleet];
    one.nodes = one.nodes.map((n) => (ids.includes(n.nodeId) ? { ...n, ...fields } : n));
    return this;
  }

  private observed() {
    return Object.fromEntries(
      Object.entries(this.fleets).map(([fleet, { nodes, standingN, trial }]) => [
        fleet,
        {
          state: { fleet, observedSinceMs: 0, complete: true, nodes },
          position: { epoch: 'e', n: standingN },
          trial,
        },
      ]),
    );
  }

  /** By the commit that the engine makes of it, as the store carries it out. */
  private commit(transition: Transition): void {
    this.rollout = transition.rollout;
    const { traffic, trials } = transitionCommit(transition, { rollout: 1, backend: 1 }, false);
    for (const [name, fleet] of Object.entries(this.fleets)) {
      const forAll = traffic.some((one) => one.fleet === name);
      const own = trials.find((one) => one.fleet === name);
      if (!forAll && (own === undefined || (own.trial === null && fleet.trial === null))) continue;
      fleet.n += 1;
      if (forAll) fleet.standingN = fleet.n;
      if (own === undefined) continue;
      const position = { epoch: 'e', n: fleet.n };
      fleet.trial = own.trial === null ? null : { by: own.by, probe: own.trial.probe, position };
    }
  }
}

const spec = (onLaggard: LaggardPolicy = 'hold') =>
  planSpec({ onLaggard, strategy: { name: 's', steps: [planStep({ weight: 500, holdMs: 60_000 })] } });

describe('a rollout in two fleets, whose change one Envoy of each tries out', () => {
  it('waits for both of them, then goes to all and ends both trials', () => {
    const world = new TwoFleets({ spec: spec() }, ['a', 'b'], ['a', 'b']);
    world.tick().ack('edge', world.probe('edge')).tick();
    expect(world.rollout.push?.probe).not.toBeNull();
    world.ack('inner', world.probe('inner')).tick();
    expect(world.rollout.push?.probe).toBeNull();
    expect([world.fleets.edge.trial, world.fleets.inner.trial]).toEqual([null, null]);
  });

  it('ends both trials when one Envoy refuses', () => {
    const world = new TwoFleets({ spec: spec() }, ['a', 'b'], ['a', 'b']);
    world.tick().nack('inner', world.probe('inner')).tick();
    expect(world.rollout.phase).toBe('failed');
    expect([world.fleets.edge.trial, world.fleets.inner.trial]).toEqual([null, null]);
  });

  it('asks another one only where the first is silent', () => {
    const world = new TwoFleets({ spec: spec() }, ['a', 'b', 'c'], ['a', 'b', 'c']);
    world.tick();
    const [edge, inner] = [world.probe('edge'), world.probe('inner')];
    world.ack('inner', inner).tick(20_000);
    expect(world.probe('edge')).not.toBe(edge);
    expect(world.probe('inner')).toBe(inner);
    expect(world.rollout.push?.unanswered).toEqual({ edge: [edge] });
    world.ack('edge', world.probe('edge')).ack('inner', inner).tick();
    expect(world.rollout.push?.probe).toBeNull();
  });

  it('asks another one where the first went away, also when the other fleet has only one', () => {
    const world = new TwoFleets({ spec: spec() }, ['a', 'b'], ['only']);
    world.tick();
    const gone = world.probe('edge');
    world.leave('edge', gone).tick();
    expect(world.probe('edge')).not.toBe(gone);
    expect(world.probe('inner')).toBe('only');
  });

  it('leaves out who was silent in its fleet, and nobody of the same name in the other', () => {
    const world = new TwoFleets({ spec: spec('exclude') }, ['a', 'b', 'c', 'd'], ['a', 'b', 'c', 'd']);
    world.tick();
    for (let i = 0; i < 3; i += 1) world.ack('inner', world.probe('inner')).tick(20_000);
    expect(world.rollout.push?.probe).toEqual({});
    expect(world.rollout.excluded.edge).toHaveLength(3);
    expect(world.rollout.excluded.inner ?? []).toEqual([]);
    expect(world.rollout.push?.counted.inner).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('a step in two fleets', () => {
  const both = { edge: ['a', 'b'], inner: ['a', 'b'] };

  function atStep(onLaggard: LaggardPolicy): TwoFleets {
    const fields = { spec: spec(onLaggard), phase: 'stepping', step: 0, attempt: 1 } as const;
    const world = new TwoFleets(
      { ...fields, push: push([], { counted: both, committedAtMs: 1_000 }) },
      ['a', 'b'],
      ['a', 'b'],
    );
    for (const fleet of Object.values(world.fleets)) [fleet.n, fleet.standingN] = [2, 2];
    return world;
  }

  it('goes on without a laggard of one fleet, and not without its namesake in the other', () => {
    const world = atStep('exclude').ack('edge', 'b').ack('inner', 'a', 'b');
    world.tick(30_000);
    expect(world.rollout.excluded.inner ?? []).toEqual([]);
    expect(world.rollout.push?.counted).toEqual({ edge: ['b'], inner: ['a', 'b'] });
  });

  it('goes back at a refusal in one fleet, also while nobody of the other is connected', () => {
    const world = atStep('hold').leave('edge', 'a', 'b');
    world.tick(31_000);
    expect(world.rollout.phase).toBe('stepping');
    world.nack('inner', 'a').tick();
    expect(world.rollout).toMatchObject({ phase: 'rolling_back', cause: { kind: 'nack', node: 'a' } });
  });

  it('is back on stable only when both fleets are, those that the step went on without included', () => {
    const world = atStep('exclude').ack('edge', 'b').ack('inner', 'a', 'b').tick(30_000);
    expect(world.rollout.excluded.edge).toEqual(['a']);
    world.nack('inner', 'b');
    world.rollout = { ...world.rollout, deadlineAtMs: world.nowMs };
    world.tick();
    expect(world.rollout).toMatchObject({ phase: 'rolling_back', push: { counted: both } });
    world.ack('edge', 'a', 'b').tick();
    expect(world.rollout.phase).toBe('rolling_back');
    world.ack('inner', 'a', 'b').tick();
    expect(world.rollout.phase).toBe('rolled_back');
  });
});

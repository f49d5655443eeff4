import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FleetNode } from '../../src/core/model/fleet-state.ts';
import type { FleetTable } from '../../src/core/model/traffic.ts';
import { createEngine } from '../../src/engine/create-engine.ts';
import { createEmergencies, type Emergencies, type EmergencyReport } from '../../src/engine/emergency.ts';
import type { EmergencyDecision, EmergencyJournal, JournalLine } from '../../src/engine/ports/emergency-journal.ts';
import { shippedStrategies } from '../../src/platform/strategy-files.ts';
import type { EngineRig } from '../support/engine-rig.ts';
import { rolloutOf, startRollout } from '../support/engine-steps.ts';
import { node } from '../support/rollouts.ts';
import { atStep, twoStepsRig } from '../support/two-steps.ts';

let r: EngineRig;
let disk: FakeJournal;
let desk: Emergencies;
let nodes: FleetNode[];
/** Times that the Envoys were told something. */
let told: number;

interface FakeJournal extends EmergencyJournal {
  readonly lines: JournalLine[];
  asked: number;
  full: boolean;
  hangs: boolean;
}

function fakeJournal(lines: JournalLine[] = []): FakeJournal {
  const journal: FakeJournal = {
    lines,
    asked: 0,
    full: false,
    hangs: false,
    load: async () => {
      const open = new Map<string, EmergencyDecision>();
      for (const line of lines) {
        if (line.kind === 'decided') open.set(line.decision.id, line.decision);
        else open.delete(line.id);
      }
      return { open: [...open.values()], damage: [] };
    },
    append: async (line) => {
      journal.asked += 1;
      if (journal.hangs) return new Promise(() => {});
      if (journal.full) return { kind: 'lost', detail: 'the disk is full' };
      lines.push(line);
      return { kind: 'durable' };
    },
  };
  return journal;
}

/** As the replica that this rig is, or as the next one in its place. */
function openDesk(journal: EmergencyJournal): Emergencies {
  const running = (fleet: string): FleetTable | null => {
    const table = r.deps.history.running(fleet);
    return table === null ? null : desk.overlay(table);
  };
  return createEmergencies({
    deps: { ...r.deps, history: { ...r.deps.history, running } },
    journal,
    audit: r.store.audit,
    storeAway: () => away,
    republish: () => {
      told += 1;
    },
    view: {
      state: (fleet) => ({ fleet, observedSinceMs: 0, complete: true, nodes }),
      onProgress: () => () => undefined,
    },
    self: () => 'me',
    given: () => ({ epoch: 'mine', n: told }),
    clock: r.clock,
  });
}

let away = false;
function storeDown(down: boolean): void {
  away = down;
  r.store.faults.setDown(down);
}

beforeEach(async () => {
  r = await twoStepsRig('5m');
  [told, away, nodes] = [0, false, []];
  disk = fakeJournal();
  desk = openDesk(disk);
  await desk.start();
});
afterEach(async () => {
  desk.stop();
  await r.stop();
});

const inPhase = (id: string, phase: string) => async () => (await rolloutOf(r, id)).phase === phase;

/** At its second step, 50 %. */
async function rolling(): Promise<string> {
  const id = await startRollout(r);
  await r.until(atStep(r, id, 1));
  return id;
}

async function stable(force = false): Promise<EmergencyReport> {
  const asked = await r.answer(desk.stable({ backend: 'checkout', reason: 'errors', by: 'ops', force }));
  if (asked.kind === 'error') throw new Error(asked.errors[0]?.message);
  return asked.value;
}

/** What this replica's Envoys get of the table as it is in the store. */
function canaryWeight(): number {
  const value = desk.overlay(r.store.inside.table('edge')).owners.get('backend/checkout')?.value;
  if (value?.kind !== 'backend') throw new Error('no such backend');
  return value.split.slice(1).reduce((sum, { weight }) => sum + weight, 0);
}

describe('an emergency without the store', () => {
  it('F5: sends all to stable at once, and is written down as an abort when the store is back', async () => {
    const id = await rolling();
    expect(canaryWeight()).toBe(5_000);
    storeDown(true);
    const { decision, journal } = await stable();
    expect([canaryWeight(), told, journal.kind]).toEqual([0, 1, 'durable']);
    expect(disk.lines).toEqual([{ kind: 'decided', decision }]);
    await r.clock.advance(60_000);
    expect(canaryWeight()).toBe(0);
    storeDown(false);
    await r.until(inPhase(id, 'aborted'));
    expect((await rolloutOf(r, id)).cause).toMatchObject({
      kind: 'person',
      by: 'ops',
      summary: expect.stringContaining('errors'),
    });
    await r.until(async () => desk.open().length === 0);
    expect(disk.lines.at(-1)).toMatchObject({ kind: 'done', id: decision.id, outcome: `rollout ${id} aborted` });
    const audit = await r.engine.audit({ after: null, sinceMs: null, limit: 100 });
    expect(
      audit.kind === 'ok' && audit.value.map(({ entry }) => entry).filter((e) => e.command === 'emergency'),
    ).toEqual([
      expect.objectContaining({ stage: 'asked', by: 'ops', target: 'backend/checkout', atMs: decision.atMs }),
      expect.objectContaining({ stage: 'answered', result: 'done', detail: `rollout ${id} aborted` }),
    ]);
  });

  it('F5: until the store has the abort, no table of it raises the weight here', async () => {
    const id = await rolling();
    storeDown(true);
    await stable();
    // Another replica reaches the store, this one does not.
    r.store.faults.setDown(false);
    r.envoys('edge', 'silent');
    await r.answer(r.engine.command({ id, command: { type: 'promote' }, rev: null, by: 'someone' }));
    expect((await rolloutOf(r, id)).phase).toBe('promoting');
    expect(canaryWeight()).toBe(0);
    away = false;
    await r.until(inPhase(id, 'aborting'));
    r.envoys('edge', 'ack');
    await r.until(inPhase(id, 'aborted'));
    expect(canaryWeight()).toBe(0);
  });

  it('F31: what was promoted elsewhere meanwhile stays away from these Envoys until a person says so', async () => {
    const id = await rolling();
    storeDown(true);
    await stable();
    r.store.faults.setDown(false);
    await r.answer(r.engine.command({ id, command: { type: 'promote' }, rev: null, by: 'someone' }));
    await r.until(inPhase(id, 'promoted'));
    away = false;
    await r.until(async () => desk.open()[0]?.held != null);
    const value = desk.overlay(r.store.inside.table('edge')).owners.get('backend/checkout')?.value;
    expect(value?.kind === 'backend' && value.split).toEqual([
      { cluster: expect.stringContaining('v1'), weight: 10_000 },
    ]);
    expect(await desk.end({ backend: 'cart', by: 'ops' })).toMatchObject({ errors: [{ code: 'SERIN_NOT_FOUND' }] });
    expect((await r.answer(desk.end({ backend: 'checkout', by: 'ops' }))).kind).toBe('ok');
    expect(desk.open()).toEqual([]);
    const after = desk.overlay(r.store.inside.table('edge')).owners.get('backend/checkout')?.value;
    expect(after?.kind === 'backend' && after.split[0]?.cluster).toContain('v2');
  });

  it('cannot be ended before it is written down', async () => {
    await rolling();
    storeDown(true);
    await stable();
    expect(await desk.end({ backend: 'checkout', by: 'ops' })).toMatchObject({ errors: [{ code: 'SERIN_CONFLICT' }] });
    expect(canaryWeight()).toBe(0);
  });

  it('F1: outlives its replica: the next one holds it from its first table on, and writes it down', async () => {
    const id = await rolling();
    storeDown(true);
    await stable();
    desk.stop();
    desk = openDesk(fakeJournal([...disk.lines]));
    await desk.start();
    expect(canaryWeight()).toBe(0);
    storeDown(false);
    await r.until(inPhase(id, 'aborted'));
  });

  it('leaves a rollout alone that somebody has started since', async () => {
    const id = await rolling();
    storeDown(true);
    await stable();
    desk.stop();
    storeDown(false);
    await r.answer(r.engine.command({ id, command: { type: 'abort', reason: 'x' }, rev: null, by: 'someone' }));
    await r.until(inPhase(id, 'aborted'));
    const next = await startRollout(r, 'v3');
    desk = openDesk(disk);
    await desk.start();
    await r.until(async () => desk.open().length === 0);
    await r.until(inPhase(next, 'promoted'));
  });

  it('asked twice it is one decision', async () => {
    await rolling();
    storeDown(true);
    const [first, second] = [await stable(), await stable()];
    expect(second.decision).toEqual(first.decision);
    expect(disk.lines).toHaveLength(1);
  });

  it('tells which Envoys confirmed, and which it has not reached', async () => {
    await rolling();
    storeDown(true);
    const here = { replicas: ['me'] };
    nodes = [
      node('a', { ...here, routes: { epoch: 'mine', n: 1 } }),
      node('b', { ...here, routes: { epoch: 'e', n: 7 } }),
      node('c', { replicas: ['other'], routes: { epoch: 'e', n: 7 } }),
      node('d', { connected: false, replicas: [] }),
    ];
    expect((await stable()).fleets).toEqual([
      { fleet: 'edge', confirmed: ['a'], unconfirmed: ['b'], elsewhere: ['c', 'd'] },
    ]);
  });
});

describe('an emergency while the store is frozen', () => {
  it.each(['adopt', 'stable'] as const)(
    'F6: is kept through a reconcile that takes %s, and ends the rollout',
    async (mode) => {
      const id = await startRollout(r);
      const restore = r.store.faults.backup();
      await r.until(async () => (await rolloutOf(r, id)).step === 1);
      restore();
      await r.store.lineage.look();
      away = true;
      await stable();
      const running = (fleet: string) => {
        const table = r.deps.history.running(fleet);
        return table === null ? null : desk.overlay(table);
      };
      const engine = createEngine({ ...r.deps, history: { ...r.deps.history, running } }, shippedStrategies());
      expect(await r.answer(engine.reconcileStore({ mode, by: 'me' }))).toMatchObject({ kind: 'ok' });
      expect(canaryWeight()).toBe(0);
      away = false;
      await r.until(async () => desk.open().length === 0);
      await r.until(inPhase(id, 'aborted'));
      expect(canaryWeight()).toBe(0);
    },
  );
});

describe('an emergency while the store takes commits', () => {
  it('is refused and names the ordinary way, unless it is forced', async () => {
    const id = await rolling();
    const refused = await r.answer(desk.stable({ backend: 'checkout', reason: 'errors', by: 'ops', force: false }));
    expect(refused).toMatchObject({
      kind: 'error',
      errors: [{ code: 'SERIN_CONFLICT', hint: expect.stringContaining(`serin rollout abort ${id}`) }],
    });
    expect([told, desk.open()]).toEqual([0, []]);
    await stable(true);
    await r.until(inPhase(id, 'aborted'));
    await r.until(async () => desk.open().length === 0);
  });

  it('F7: is taken when the store answers and takes nothing', async () => {
    await rolling();
    r.store.faults.setDown(true);
    await stable();
    expect(canaryWeight()).toBe(0);
  });

  it('knows what there is, and says what is near', async () => {
    await rolling();
    storeDown(true);
    const asked = (backend: string) => r.answer(desk.stable({ backend, reason: 'x', by: 'ops', force: false }));
    expect(await asked('chekout')).toMatchObject({
      errors: [{ code: 'SERIN_NOT_FOUND', message: expect.stringContaining('checkout') }],
    });
    r.forget();
    expect(await asked('checkout')).toMatchObject({ errors: [{ code: 'SERIN_NOT_READY' }] });
  });
});

describe('a journal that cannot be written', () => {
  it('F32: Envoys go to stable all the same; the answer says that it is not durable, and it becomes so', async () => {
    await rolling();
    storeDown(true);
    disk.full = true;
    expect((await stable()).journal).toEqual({ kind: 'lost', detail: 'the disk is full' });
    expect([canaryWeight(), told]).toEqual([0, 1]);
    disk.full = false;
    await r.clock.advance(2_000);
    expect(desk.open()[0]?.journal.kind).toBe('durable');
    expect(disk.lines).toHaveLength(1);
  });

  it('F32: a disk that hangs keeps no Envoy on the canary', async () => {
    await rolling();
    storeDown(true);
    disk.hangs = true;
    expect((await stable()).journal.kind).toBe('lost');
    expect(canaryWeight()).toBe(0);
    const asked = disk.asked;
    await r.clock.advance(60_000);
    // One that does not answer is not asked over and over.
    expect(disk.asked).toBe(asked);
  });
});

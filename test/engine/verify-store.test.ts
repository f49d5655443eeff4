import { describe, expect, it } from 'vitest';
import { SCHEMA } from '../../src/core/model/schema.ts';
import type { ArchiveLine, StoreDump } from '../../src/engine/ports/store-archive.ts';
import { verifyStore } from '../../src/engine/verify-store.ts';
import { backendState, rollout } from '../support/rollouts.ts';
import { without } from '../support/without.ts';

const record = (key: string, body: unknown): ArchiveLine => ({ kind: 'record', key, rev: 1, order: 1, body });
const active = rollout({ id: 'r1', phase: 'stepping' });
const state = backendState({ rolloutId: 'r1' });
const SOUND: readonly ArchiveLine[] = [
  record('rollout/r1', active),
  record(`backend/${active.backend}`, state),
  record('fence/documents', {}),
  { kind: 'due', subject: 'rollout/r1', atMs: 1 },
];

function verified(...lines: readonly ArchiveLine[]) {
  const dump: StoreDump = { schema: SCHEMA, epoch: 'e', takenAtMs: 1, lines, damage: [] };
  return verifyStore(dump);
}

const places = (...lines: readonly ArchiveLine[]) => verified(...lines).map(({ where }) => where);

describe('a store is checked', () => {
  it('and nothing is said when all is well', () => {
    expect(verified(...SOUND)).toEqual([]);
  });

  it('with what could not even be read', () => {
    const damage = [{ where: 'record:rollout/x', detail: 'the body is not JSON' }];
    expect(verifyStore({ schema: SCHEMA, epoch: 'e', takenAtMs: 1, lines: [], damage })).toEqual(damage);
  });

  it('record by record', () => {
    expect(verified(record('rollout/r2', { ...active, id: 'r2', phase: 'dancing' }))).toEqual([
      { where: 'record:rollout/r2', detail: expect.stringContaining('phase') },
    ]);
    expect(places(record('document/Route/a', { document: 1 }))).toEqual(['record:document/Route/a']);
    expect(places(record('backend/a', {}))).toEqual(['record:backend/a']);
    expect(places(record('secret/a', {}))).toEqual(['record:secret/a']);
  });

  it('for what judges remember, and of which rollout, and for the breaker', () => {
    expect(places(...SOUND, record('breaker/evidence', { openSinceMs: 'x' }))).toEqual(['record:breaker/evidence']);
    const memory = { judge: 'sequential', state: { tick: 3 } };
    expect(verified(...SOUND, record('judge/r1', memory))).toEqual([]);
    // What an older version remembered is forgotten, whatever it is.
    const mangled = { ...record('judge/r1', { judge: 7 }), schema: String(SCHEMA.version) };
    expect(places(...SOUND, mangled)).toEqual(['record:judge/r1']);
    expect(verified(...SOUND, record('judge/r2', memory))).toEqual([
      { where: 'record:judge/r2', detail: 'its rollout is not there' },
    ]);
  });

  it('for records under the name of another', () => {
    expect(verified(record('backend/other', backendState({ rolloutId: null })))).toEqual([
      { where: 'record:backend/other', detail: `holds ${state.backend}` },
    ]);
  });

  it('for a backend and a rollout that do not name each other', () => {
    const [first, , fence, due] = SOUND as [ArchiveLine, ArchiveLine, ArchiveLine, ArchiveLine];
    const other = record(`backend/${active.backend}`, backendState({ rolloutId: 'gone' }));
    expect(places(first, other, fence, due).sort()).toEqual([`record:backend/${active.backend}`, 'record:rollout/r1']);
    const ended = record('rollout/r1', { ...active, phase: 'promoted' });
    expect(verified(ended, ...SOUND.slice(1))[0]?.detail).toContain('has ended');
  });

  it('for what would never be looked at again', () => {
    expect(verified(...SOUND.slice(0, 3))).toEqual([{ where: 'due', detail: 'rollout/r1 is missing' }]);
    const notice: ArchiveLine = { kind: 'notice', queue: 'r1~deploys', notice: {} };
    expect(places(...SOUND, notice)).toEqual(['outbox:r1~deploys', 'due']);
    expect(places({ kind: 'due', subject: 'nonsense', atMs: 1 })).toEqual(['due']);
  });

  it('for tables that Envoys could not be given', () => {
    const fleet = (owners: Extract<ArchiveLine, { kind: 'fleet' }>['owners']): ArchiveLine => ({
      ...{ kind: 'fleet', fleet: 'edge', n: 3, owners, trial: null },
    });
    const route = (backend: string) => ({
      kind: 'route',
      route: 'shop',
      spec: {
        fleet: 'edge',
        hostnames: ['shop.example.com'],
        rules: [{ name: 'all', matches: [], backend, timeoutMs: 1 }],
      },
    });
    const twice = ['a', 'b'].map((name) => ({
      owner: `route/${name}`,
      n: 3,
      value: { ...route('shop'), route: name },
    }));
    expect(new Set(places(fleet(twice)))).toEqual(new Set(['traffic:edge']));
    expect(places(fleet([{ owner: 'route/shop', n: 9, value: route('nobody') }]))).toEqual(['traffic:edge']);
    expect(places(fleet([{ owner: 'route/shop', n: 1, value: { kind: 'route' } }]))).toEqual([
      'traffic:edge, route/shop',
    ]);
    expect(places(fleet([{ owner: 'other', n: 1, value: {} }]))).toEqual(['traffic:edge']);
    const hollow = { kind: 'backend', backend: 'shop', revisions: [{ key: 'a', cluster: 'b' }] };
    const value = { ...hollow, pinned: [], split: [], pins: [] };
    expect(verified(fleet([{ owner: 'backend/shop', n: 1, value }]))).toEqual([
      { where: 'traffic:edge, backend/shop', detail: expect.any(String) },
    ]);
  });

  it('for events', () => {
    expect(places({ kind: 'event', rolloutId: 'r1', id: '1-1', event: { type: 1 } })).toEqual(['events:r1, 1-1']);
  });

  it('of a newer version: that alone is said', () => {
    const schema = { version: SCHEMA.version + 2, reader: SCHEMA.version + 1 };
    const found = verifyStore({ schema, epoch: 'e', takenAtMs: 1, lines: [record('x/y', 1)], damage: [] });
    expect(found).toEqual([{ where: 'schema', detail: expect.stringContaining('newer') }]);
  });

  it('of an older version as it will be after its migration', () => {
    const old = without(active, 'drill');
    const lines = [record('rollout/r1', old), ...SOUND.slice(1)];
    expect(verifyStore({ schema: { version: 0, reader: 0 }, epoch: 'e', takenAtMs: 1, lines, damage: [] })).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { canWorkWith, MIGRATIONS, migrate, SCHEMA } from '../../../src/core/model/schema.ts';
import { DocumentRecord } from '../../../src/core/model/stored.ts';
import { RolloutRecord } from '../../../src/core/rollout/rollout-record.ts';
import { planSpec, rollout } from '../../support/rollouts.ts';
import { without } from '../../support/without.ts';

describe('the table of migrations', () => {
  it('goes forward one version at a time', () => {
    expect(MIGRATIONS.map(({ to }) => to)).toEqual(MIGRATIONS.map((_, index) => index + 1));
    expect(SCHEMA.version).toBe(MIGRATIONS.length);
  });

  it('leaves records readable by the version before, so that two run side by side', () => {
    for (const { to, reader } of MIGRATIONS) expect(reader).toBeLessThan(to);
  });

  it.each([
    ['what it reads itself', { version: SCHEMA.version, reader: SCHEMA.reader }, true],
    ['the next version, while that says so', { version: SCHEMA.version + 1, reader: SCHEMA.version }, true],
    ['one that is too new', { version: SCHEMA.version + 2, reader: SCHEMA.version + 1 }, false],
  ])('knows whether it can work with %s', (_what, schema, can) => {
    expect(canWorkWith(schema)).toBe(can);
  });

  it('changes nothing twice', () => {
    const body = { ...rollout({}), drill: undefined };
    const once = migrate('rollout/r1', body, 0);
    expect(migrate('rollout/r1', once, 0)).toEqual(once);
    expect(migrate('rollout/r1', once, SCHEMA.version)).toBe(once);
  });
});

describe('0 → 1', () => {
  it('writes out what a rollout of an early version lacks', () => {
    const present = rollout({});
    const old = without(present, 'drill', 'excluded', 'requires', 'aftercare');
    const spec = without(present.spec, 'ackTimeoutMs', 'onLaggard', 'onRollback');
    const push = { committedAtMs: 5, liveAtMs: null, counted: { edge: ['a'] } };
    const migrated = migrate('rollout/r1', { ...old, spec, push }, 0);
    expect(migrated).toEqual(RolloutRecord.parse({ ...old, spec, push }));
    expect(migrated).toMatchObject({ drill: null, push: { probe: null }, spec: { ackTimeoutMs: 30_000 } });
  });

  it('writes out what a plan lacks', () => {
    const spec = without(planSpec({}), 'ackTimeoutMs', 'onLaggard', 'onRollback');
    const body = { document: { kind: 'Plan', name: 'shop', spec }, source: 'kind: Plan' };
    expect(migrate('document/Plan/shop', body, 0)).toEqual(DocumentRecord.parse(body));
  });

  it('keeps what is there, also what it does not know', () => {
    const body = { ...rollout({ aftercare: 'due' }), later: 'field' };
    expect(migrate('rollout/r1', body, 0)).toMatchObject({ aftercare: 'due', later: 'field' });
  });

  it.each([null, 'text', [1], { document: null }, { spec: 'x', push: 3 }])('does not fail on %j', (body) => {
    for (const key of ['rollout/r', 'document/Plan/p', 'backend/b', 'fence/documents']) {
      expect(() => migrate(key, body, 0)).not.toThrow();
    }
  });
});

import { describe, expect, it } from 'vitest';
import {
  canWorkWith,
  leftAlone,
  MIGRATIONS,
  type Migration,
  parseStamp,
  SCHEMA,
  SHAPES,
  shapesOf,
} from '../../../src/core/model/schema.ts';
import { DocumentRecord } from '../../../src/core/model/stored.ts';
import { RolloutRecord } from '../../../src/core/rollout/rollout-record.ts';
import { planSpec, rollout } from '../../support/rollouts.ts';
import { without } from '../../support/without.ts';

const { migrate } = SHAPES;

describe('the table of migrations', () => {
  it('goes forward one version at a time', () => {
    expect(MIGRATIONS.map(({ to }) => to)).toEqual(MIGRATIONS.map((_, index) => index + 1));
    expect(SCHEMA.version).toBe(MIGRATIONS.length);
  });

  it('leaves the store to the version before as well, so that two run side by side', () => {
    // 1 named several shapes before there were stamps: builds of it cannot tell what they would misread.
    for (const { to, reader } of MIGRATIONS.filter((one) => one.to !== 2)) expect(reader).toBeLessThan(to);
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
    expect(migrate('rollout/r1', once, 0)).toBe(once);
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

describe('1 → 2', () => {
  it('says by which judge a plan goes that could not choose one', () => {
    const spec = without(planSpec({}), 'judge');
    const plan = { document: { kind: 'Plan', name: 'shop', spec }, source: 'kind: Plan' };
    expect(migrate('document/Plan/shop', plan, 1)).toMatchObject({
      document: { spec: { judge: { name: 'threshold' } } },
    });
    expect(migrate('rollout/r1', { ...rollout({}), spec }, 1)).toMatchObject({
      spec: { judge: { name: 'threshold' } },
    });
  });

  it('forgets what a judge remembered in the record itself', () => {
    const evidence = { verdicts: [], judgedAtMs: 1, inconclusiveSinceMs: null, judge: { seen: 3 } };
    const body = { ...rollout({}), evidence };
    expect(migrate('rollout/r1', body, 1)).toEqual({ ...body, evidence: without(evidence, 'judge') });
  });

  it('asks nodes once more of which it is not known what they owe', () => {
    const push = { committedAtMs: 5, liveAtMs: null, counted: {}, unanswered: ['a'] };
    expect(migrate('rollout/r1', { ...rollout({}), push }, 1)).toMatchObject({ push: { unanswered: {} } });
  });

  it('lets the judge begin anew, since its memory says nothing about its own shape', () => {
    const forgotten = migrate('judge/r1', { judge: 'plan', state: { seen: 3 } }, 1);
    expect(forgotten).toEqual({ judge: '', state: {} });
    expect(migrate('judge/r1', forgotten, 1)).toBe(forgotten);
  });

  it('leaves what tables hold as it is', () => {
    const value = { kind: 'route', route: 'shop', spec: {} };
    expect(migrate('traffic/route/shop', value, 0)).toBe(value);
  });
});

describe('a stamp', () => {
  const NEXT: Migration = {
    to: SCHEMA.version + 1,
    reader: SCHEMA.version,
    record: (_key, body) => body,
    beyond: (key) => key === 'rollout/new',
  };
  const next = shapesOf([...MIGRATIONS, NEXT]);

  it('says by which version a record was written, and which is needed to read it', () => {
    expect(SHAPES.stamp('rollout/new', {})).toBe('2');
    expect(next.stamp('rollout/old', {})).toBe('3');
    expect(next.stamp('rollout/new', {})).toBe('3^3');
  });

  it('keeps off whoever would misread it, and nobody else', () => {
    const stamp = parseStamp('3^3') ?? { version: 0, needs: 0 };
    expect(leftAlone('rollout/new', stamp, SHAPES)).toContain('needs a Serin of schema version 3');
    expect(leftAlone('rollout/new', stamp, next)).toBeNull();
    expect(leftAlone('rollout/old', { version: 3, needs: 0 }, SHAPES)).toBeNull();
  });

  it('is not in tables that engines without stamps read', () => {
    expect(SHAPES.cellStamp('traffic/route/shop', {})).toBe('');
    expect(next.cellStamp('traffic/route/shop', {})).toBe('3');
  });

  it.each([
    ['', { version: 0, needs: 0 }],
    ['2', { version: 2, needs: 0 }],
    ['14^12', { version: 14, needs: 12 }],
    ['x', null],
    ['2^', null],
    ['-1', null],
    ['1^2^3', null],
  ])('is read from %j', (text, stamp) => {
    expect(parseStamp(text)).toEqual(stamp);
  });
});

import { expect, it } from 'vitest';
import { SCHEMA, SHAPES } from '../../src/core/model/schema.ts';
import { actingShapes } from '../../src/platform/acting-schema.ts';

const acting = (version: string, NODE_ENV = 'test') => actingShapes({ SERIN_ACT_AS_SCHEMA: version, NODE_ENV });

it('is what Serin knows when nothing is said', () => {
  expect(actingShapes({})).toEqual({ kind: 'ok', value: SHAPES });
});

it('is for tests alone', () => {
  expect(acting(String(SCHEMA.version), 'production')).toMatchObject({ errors: [{ code: 'SERIN_CONFIG_INVALID' }] });
});

it.each([-1, 0, 1])('can be the version %d away', (by) => {
  const shapes = acting(String(SCHEMA.version + by));
  expect(shapes.kind === 'ok' && shapes.value.schema.version).toBe(SCHEMA.version + by);
});

it.each(['0', '9', 'x'])('is no version far away: %s', (text) => {
  expect(acting(text)).toMatchObject({ errors: [{ message: expect.stringContaining(text) }] });
});

it('leaves to the version before what that reads rightly', () => {
  const shapes = acting(String(SCHEMA.version + 1));
  if (shapes.kind === 'error') throw new Error('refused');
  const { migrate, stamp } = shapes.value;
  expect(migrate('rollout/r', { plan: 'shop' }, SCHEMA.version)).toEqual({ plan: 'shop', grown: true });
  expect(stamp('rollout/r', { plan: 'shop' })).toBe('3');
  expect(stamp('rollout/r', { plan: 'next-shop' })).toBe('3^3');
});

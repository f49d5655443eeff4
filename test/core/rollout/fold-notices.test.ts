import { describe, expect, it } from 'vitest';
import type { Notice } from '../../../src/core/rollout/event.ts';
import { foldNotices } from '../../../src/core/rollout/fold-notices.ts';

const notice = (kind: Notice['kind'], atMs: number, earlier?: Notice['earlier']): Notice => ({
  id: `${kind}-${atMs}`,
  rolloutId: 'r1',
  backend: 'checkout',
  plan: 'checkout',
  revision: 'v2',
  stable: 'v1',
  kind,
  tone: 'info',
  title: `checkout: ${kind}`,
  fields: [['Cause', `of ${kind}`]],
  atMs,
  ...(earlier === undefined ? {} : { earlier }),
});

describe('messages that wait', () => {
  it('become the last of them, with what was before and when', () => {
    const waiting = [notice('started', 1), notice('step', 2), notice('paused', 3)];
    expect(foldNotices(waiting)).toEqual({
      ids: ['started-1', 'step-2', 'paused-3'],
      notice: {
        ...notice('paused', 3),
        earlier: {
          count: 2,
          updates: [
            { id: 'started-1', kind: 'started', title: 'checkout: started', atMs: 1 },
            { id: 'step-2', kind: 'step', title: 'checkout: step', atMs: 2 },
          ],
        },
      },
    });
  });

  it.each([[[]], [[notice('step', 1)]]])('are left alone when there are not two', (waiting) => {
    expect(foldNotices(waiting)).toBeNull();
  });

  it.each(['promoted', 'rolled_back', 'aborted', 'failed'] as const)(
    'never swallow %s, nor what it says',
    (outcome) => {
      const waiting = [notice('step', 1), notice(outcome, 2), notice('streams', 3)];
      expect(foldNotices(waiting)).toMatchObject({
        ids: ['step-1', `${outcome}-2`],
        notice: { kind: outcome, fields: [['Cause', `of ${outcome}`]] },
      });
      expect(foldNotices(waiting.slice(1))).toBeNull();
    },
  );

  it('fold again what was folded, and keep a bounded number of titles', () => {
    const first = foldNotices(Array.from({ length: 30 }, (_, i) => notice('step', i)))?.notice;
    if (first === undefined) throw new Error('not folded');
    expect(first.earlier).toMatchObject({ count: 29, updates: { length: 20 } });
    const second = foldNotices([first, notice('step', 30), notice('promoted', 31)])?.notice;
    expect(second).toMatchObject({ kind: 'promoted', earlier: { count: 31, updates: { length: 20 } } });
    expect(second?.earlier?.updates.at(-1)?.atMs).toBe(30);
    expect(second?.earlier?.updates.at(0)?.atMs).toBe(11);
  });
});

import { describe, expect, it } from 'vitest';
import { checkHistory } from '../../../tools/fault/check-history.ts';
import type { History, Message } from '../../../tools/fault/history.ts';
import { at, event, NOTHING, promoted, reverted } from './histories.ts';

function check(history: Partial<History>): readonly string[] {
  return checkHistory({ ...NOTHING, ...history }).violations;
}

/** The messages of a promoted rollout as they should come. */
function messages(): Message[] {
  const notices: readonly (readonly [string, number])[] = [
    ['started', 1],
    ['step', 3],
    ['step', 4],
    ['promoted', 6],
  ];
  return notices.map(([kind, second]) => {
    const id = `r1-${kind}-${second}`;
    return {
      atMs: at(second),
      webhookId: id,
      notice: { id, rolloutId: 'r1', kind, atMs: at(second) } as Message['notice'],
    };
  });
}

const fine = () => ({ rollouts: [promoted('r1')], messages: messages() });

describe('the history of a run', () => {
  it('is right when rollouts end as they should and every message came', () => {
    expect(check(fine())).toEqual([]);
  });

  it('is wrong when a step took effect twice', () => {
    const rollout = promoted('r1');
    const again = event(3, 'step', 'stepping', { step: 0, weight: 10 });
    const events = [...rollout.events.slice(0, 3), again, ...rollout.events.slice(3)];
    expect(check({ ...fine(), rollouts: [{ ...rollout, events }] })).toEqual([
      expect.stringContaining('entered the steps 0, 0, 1'),
    ]);
  });

  it('is wrong when events are out of order', () => {
    const rollout = promoted('r1');
    const events = [...rollout.events, event(2, 'held', 'promoted')];
    expect(check({ ...fine(), rollouts: [{ ...rollout, events }] })).toEqual([expect.stringContaining('is older')]);
  });

  it('is wrong when a way back was followed by a raise', () => {
    const rollout = reverted('r1');
    const events = [
      ...rollout.events.slice(0, -1),
      event(6, 'step', 'stepping', { step: 1, weight: 50 }),
      ...rollout.events.slice(-1),
    ];
    expect(check({ rollouts: [{ ...rollout, events }], messages: [] })).toContainEqual(
      expect.stringContaining('was raised after its way back'),
    );
  });

  it('is wrong when a good rollout was rolled back, and when one did not end', () => {
    expect(check({ rollouts: [{ ...reverted('r1'), kind: 'good' }] })).toContainEqual(
      expect.stringContaining('right is promoted'),
    );
    const rollout = promoted('r1');
    const open = {
      ...rollout,
      final: { ...rollout.final, phase: 'stepping' as const },
      events: rollout.events.slice(0, -1),
    };
    expect(check({ rollouts: [open] })).toContainEqual(expect.stringContaining('ended 0 times'));
  });

  it('is wrong when a backend had two active rollouts', () => {
    const early = event(4, 'started', 'pending');
    const second = { ...promoted('r2'), events: [early, ...promoted('r2').events.slice(1)] };
    expect(check({ rollouts: [promoted('r1'), second] })).toContainEqual(
      expect.stringContaining('began while r1 was active'),
    );
  });

  it('excuses an abort that was not answered, and no other end', () => {
    const rollout = { ...promoted('r1'), kind: 'aborted' as const };
    expect(check({ ...fine(), rollouts: [{ ...rollout, aborted: 'unknown' }] })).toEqual([]);
    expect(check({ ...fine(), rollouts: [{ ...rollout, aborted: 'yes' }] })).toHaveLength(1);
  });
});

describe('a rollout that was set aside', () => {
  const setAside = (() => {
    const rollout = promoted('r1');
    const both = [event(4.2, 'quarantined', 'stepping', { step: 1 }), event(4.6, 'resumed', 'stepping', { step: 1 })];
    return { ...rollout, events: [...rollout.events.slice(0, 4), ...both, ...rollout.events.slice(4)] };
  })();
  const told = [['quarantined', 4.2] as const].map(([kind, second]): Message => {
    const notice = { id: 'q', rolloutId: 'r1', kind, atMs: at(second) } as Message['notice'];
    return { atMs: at(second), webhookId: 'q', notice };
  });
  const awayAt = (seconds: readonly number[], all = told) =>
    check({
      rollouts: [setAside],
      messages: [...messages(), ...all].toSorted((a, b) => a.notice.atMs - b.notice.atMs),
      absences: seconds.map((second) => ({ who: 'engine-1', fromMs: at(second), toMs: at(second) })),
    });

  it('is right when three replicas were away before it, and it was told of', () => {
    expect(awayAt([2, 3, 4])).toEqual([]);
    expect(awayAt([2, 3, 4], [])).toEqual(['message r1 quarantined 4200 was lost']);
  });

  it('is wrong after fewer: those before its start, and those after, do not count', () => {
    expect(awayAt([0.5, 3, 4, 5])).toEqual([expect.stringContaining('was set aside after 2 absences')]);
  });

  it('is wrong when it is set aside again for what was forgiven with its resumption', () => {
    const again = event(4.8, 'quarantined', 'stepping', { step: 1 });
    const rollout = { ...setAside, events: [...setAside.events.slice(0, 6), again, ...setAside.events.slice(6)] };
    const absences = [2, 3, 4].map((second) => ({ who: 'engine-1', fromMs: at(second), toMs: at(second) }));
    expect(check({ rollouts: [rollout], absences })).toContainEqual(
      expect.stringContaining('was set aside after 0 absences'),
    );
  });
});

describe('messages', () => {
  it('may come twice under one id', () => {
    const [first, ...rest] = messages();
    if (first === undefined) throw new Error('no message');
    const { violations, duplicated, lost } = checkHistory({
      ...NOTHING,
      rollouts: [promoted('r1')],
      messages: [first, first, ...rest],
    });
    expect({ violations, duplicated, lost }).toEqual({ violations: [], duplicated: 1, lost: 0 });
  });

  it('are wrong when one is lost, overtakes, comes under another id, or tells of nothing', () => {
    const [started, step, next, end] = messages();
    if (started === undefined || step === undefined || next === undefined || end === undefined)
      throw new Error('no message');
    const all = { rollouts: [promoted('r1')] };
    expect(check({ ...all, messages: [started, step, end] })).toEqual(['message r1 step 4000 was lost']);
    expect(check({ ...all, messages: [started, next, step, end] })).toEqual([expect.stringContaining('overtook')]);
    const renamed = { ...started, webhookId: 'other', notice: { ...started.notice, id: 'other' } };
    expect(check({ ...all, messages: [started, renamed, step, next, end] })).toEqual([
      expect.stringContaining('came as'),
    ]);
    const stray = { ...end, webhookId: 'x', notice: { ...end.notice, id: 'x', atMs: at(7) } };
    expect(check({ ...all, messages: [started, step, next, end, stray] })).toEqual([
      expect.stringContaining('no event says'),
    ]);
  });
});

describe('failed requests', () => {
  const failure = { envoy: 'edge-1', sentAtMs: at(5), status: 503, servedBy: '' };

  it('are a step’s, unless the Envoy was away or the revision is the bad one', () => {
    expect(check({ failures: [failure] })).toHaveLength(1);
    expect(check({ failures: [{ ...failure, status: 500, servedBy: 'bad' }] })).toEqual([]);
    const outage = { envoy: 'edge-1', kind: 'killed' as const, fromMs: at(5), toMs: at(6) };
    expect(check({ failures: [failure], outages: [outage] })).toEqual([]);
    expect(check({ failures: [failure], outages: [{ ...outage, envoy: 'edge-2' }] })).toHaveLength(1);
  });

  it('are nobody’s while the harness itself did not get to answer', () => {
    const stall = { fromMs: at(4), toMs: at(8) };
    expect(check({ failures: [{ ...failure, status: 504 }], stalls: [stall] })).toEqual([]);
    expect(check({ failures: [{ ...failure, status: 500, servedBy: 'good-1' }], stalls: [stall] })).toHaveLength(1);
    const misled = { ...reverted('r1'), kind: 'judged' as const };
    const told = (seconds: number) =>
      check({ rollouts: [misled], stalls: [{ fromMs: at(seconds), toMs: at(seconds) }] });
    expect(told(2).filter((words) => words.includes('right is'))).toEqual([]);
    expect(told(20).filter((words) => words.includes('right is'))).toHaveLength(1);
  });
});

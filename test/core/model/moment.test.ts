import { describe, expect, it } from 'vitest';
import { parseAuditEntry, parseEvent, parseNotice } from '../../../src/adapters/store/stored-values.ts';
import { VerdictSeries } from '../../../src/core/analysis/verdict-series.ts';
import { parseFreeze } from '../../../src/core/model/freeze.ts';
import { Moment } from '../../../src/core/model/moment.ts';
import { RolloutRecord } from '../../../src/core/rollout/rollout-record.ts';
import { notice } from '../../adapters/notify/notice.ts';
import { rollout } from '../../support/rollouts.ts';

const LATEST = 8_640_000_000_000_000;

describe('a moment', () => {
  it('is one that a calendar can show', () => {
    expect(new Date(LATEST).toISOString()).toBe('+275760-09-13T00:00:00.000Z');
    for (const wrong of [LATEST + 1, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(Moment.safeParse(wrong).success).toBe(false);
    }
  });

  it.each([LATEST, LATEST + 1])(
    'of %d in a record: taken, or the record is refused before anybody shows it',
    (atMs) => {
      const taken = atMs <= LATEST;
      const update = { id: 'a', kind: 'step', title: 't', atMs } as const;
      const event = {
        rolloutId: 'r1',
        type: 'held',
        atMs,
        by: 'serin',
        phase: 'stepping',
        step: 0,
        message: '',
        data: {},
      };
      const audit = {
        id: 'a',
        stage: 'asked',
        atMs,
        by: 'me',
        command: 'apply',
        target: 'x',
        detail: '',
        result: null,
      };
      const point = { atMs, step: 0, weight: 0, decision: 'hold', metrics: [], missing: null };
      expect(RolloutRecord.safeParse(rollout({ updatedAtMs: atMs })).success).toBe(taken);
      expect(VerdictSeries.safeParse({ points: [point] }).success).toBe(taken);
      expect(parseEvent(JSON.stringify(event)).kind === 'ok').toBe(taken);
      expect(parseAuditEntry(JSON.stringify(audit)).kind === 'ok').toBe(taken);
      expect(parseNotice(JSON.stringify(notice({ atMs }))).kind === 'ok').toBe(taken);
      const folded = notice({ earlier: { count: 1, updates: [update] } });
      expect(parseNotice(JSON.stringify(folded)).kind === 'ok').toBe(taken);
      // What cannot be read is a freeze all the same.
      expect(parseFreeze(JSON.stringify({ reason: 'lost', atMs })).atMs).toBe(taken ? atMs : 0);
    },
  );
});

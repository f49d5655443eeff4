import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HookQuestion } from '../../src/core/rollout/hook-question.ts';
import type { Hooks } from '../../src/engine/ports/hooks.ts';

/** The hook `load-test` with somebody behind it who answers as told. */
export interface HooksUnderTest {
  readonly hooks: Hooks;
  says(what: 'open' | 'wait' | 'reject' | 'failed' | 'hang'): void;
  /** Ids of the questions that arrived. */
  arrived(): readonly string[];
  /** The process ends. */
  close(): Promise<void>;
}

export function question(fields: Partial<HookQuestion> = {}): HookQuestion {
  const gate = 'r1-gate-1';
  return {
    ...{ id: `${gate}-1`, rolloutId: 'r1', attempt: 1, ask: 1, target: 'load-test', timeoutMs: 400 },
    body: {
      ...{ gate, ask: 1, rolloutId: 'r1', backend: 'checkout', plan: 'checkout', revision: 'v2', stable: 'v1' },
      ...{ step: { index: 0, of: 2, name: 'few', weight: 5 }, sinceMs: 1_700_000_000_000, metadata: {} },
    },
    ...fields,
  };
}

export function hooksContract(name: string, open: () => Promise<HooksUnderTest>): void {
  describe(`hooks ${name}`, () => {
    let under: HooksUnderTest;
    beforeEach(async () => {
      under = await open();
    });
    afterEach(() => under.close());

    it('F26: of which none is known, or that hang or fail, open nothing, and say why', async () => {
      under.says('hang');
      const hangs = await under.hooks.ask(question());
      under.says('failed');
      const fails = await under.hooks.ask(question());
      const unknown = await under.hooks.ask(question({ target: 'other' }));
      for (const answer of [hangs, fails, unknown]) {
        expect(answer).toMatchObject({ kind: 'failed', detail: expect.stringMatching(/\S/) });
      }
      expect(hangs?.detail).toBe('no answer within 400 ms');
    });

    it.each(['open', 'wait', 'reject'] as const)('say %s', async (kind) => {
      under.says(kind);
      expect(await under.hooks.ask(question())).toMatchObject({ kind });
    });

    it('are known by name', () => {
      expect(under.hooks.targets()).toEqual(['load-test']);
    });

    it('get the same question under the same id, however often it is put', async () => {
      under.says('wait');
      await under.hooks.ask(question());
      await under.hooks.ask(question());
      await under.hooks.ask(question({ id: 'r1-gate-1-2', ask: 2 }));
      expect(under.arrived()).toEqual(['r1-gate-1-1', 'r1-gate-1-1', 'r1-gate-1-2']);
    });

    it('have not answered when the process ends meanwhile', async () => {
      under.says('hang');
      const asked = under.hooks.ask(question());
      await under.close();
      expect(await asked).toBeNull();
    });
  });
}

import { expect, it } from 'vitest';
import { baselineOf } from '../../src/core/analysis/judge.ts';
import type { AnalysisSpec } from '../../src/core/model/analysis-spec.ts';
import { BREAKER_CLOSED } from '../../src/core/rollout/breaker.ts';
import type { Dependencies } from '../../src/engine/dependencies.ts';
import { observe } from '../../src/engine/observe.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeDependencies, noEvidence } from '../support/fake-dependencies.ts';
import { planSpec, planStep, push, rollout } from '../support/rollouts.ts';

/** The queries that Prometheus is asked for these analyses, by the name their answer is kept under. */
async function asked(...analysis: readonly AnalysisSpec[]): Promise<Record<string, string>> {
  const clock = fakeClock();
  const queries: string[] = [];
  const deps: Dependencies = fakeDependencies(clock, {
    metrics: {
      ...noEvidence,
      scalar: async ({ query, atMs }) => ({ kind: 'ok', value: queries.push(query) - 1, atMs }),
    },
  });
  const spec = planSpec({ strategy: { name: 'inline', steps: [planStep()] }, analysis });
  const record = rollout({ spec, phase: 'stepping', step: 0, push: push(['a'], { liveAtMs: 0 }) });
  const observed = await observe(deps, record, { breaker: BREAKER_CLOSED, judgement: null }, 60_000);
  if (observed.kind === 'error') throw new Error('nothing was observed');
  const answers = [...observed.value.queries];
  return Object.fromEntries(
    answers.map(([name, answer]) => [name, answer.kind === 'ok' ? (queries[answer.value] ?? '') : '']),
  );
}

const query = { kind: 'query', name: 'queue', windowMs: 60_000, min: null, max: 5 } as const;
const own = 'max(q{r="{{ canary.revision }}",c=~"{{ canary.cluster }}",s="{{ stable.revision }}"}[{{ window }}])';

it('asks a query of its own alone where it is not compared', async () => {
  expect(await asked({ ...query, query: own })).toEqual({
    queue: 'max(q{r="v2",c=~"checkout--v2-abc123",s="v1"}[60s])',
  });
});

it("asks the same about stable for a relative limit, with stable in the canary's place", async () => {
  expect(await asked({ ...query, query: own, relative: { factor: 2, offset: 0 } })).toEqual({
    queue: 'max(q{r="v2",c=~"checkout--v2-abc123",s="v1"}[60s])',
    [baselineOf('queue')]: 'max(q{r="v1",c=~"checkout--v1-abc123",s="v1"}[60s])',
  });
});

it('asks the baseline query where there is one', async () => {
  const baseline = 'q{r="{{ stable.revision }}"} / {{ window.seconds }}';
  expect(await asked({ ...query, query: 'up', baseline, relative: { factor: 2, offset: 0 } })).toEqual({
    queue: 'up',
    [baselineOf('queue')]: 'q{r="v1"} / 60',
  });
});

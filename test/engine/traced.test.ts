import { afterEach, beforeEach, expect, it } from 'vitest';
import { createRequestTraces, createTracer } from '../../src/platform/tracing.ts';
import { apiServer } from '../support/api-server.ts';
import { backendYaml, planYaml, routeYaml } from '../support/engine-documents.ts';
import { engineRig } from '../support/engine-rig.ts';
import { rolloutOf } from '../support/engine-steps.ts';
import { collectSpans, type SeenSpan } from '../support/spans.ts';

let seen: ReturnType<typeof collectSpans>;
beforeEach(() => {
  seen = collectSpans();
});
afterEach(() => seen.stop());

const named = (name: string): SeenSpan[] => seen.spans.filter((span) => span.name === name);
const parentOf = (span: SeenSpan | undefined) => seen.spans.find(({ id }) => id === span?.parent);

it('follows a rollout from the request of CI to its last Envoy', async () => {
  const rig = await engineRig(['edge'], createTracer('1'));
  const server = await apiServer(rig.engine, { trace: createRequestTraces('1') });
  try {
    // given
    const files = [
      { file: 'all.yaml', text: [routeYaml(), backendYaml(), planYaml({ analysis: true })].join('---\n') },
    ];
    const applied = await rig.answer(rig.engine.apply({ files, dryRun: false, by: 'ci' }));
    expect(applied.kind).toBe('ok');
    seen.spans.length = 0;
    // when
    const response = await fetch(`${server.url}/api/v1/rollouts`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        traceparent: `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`,
        'idempotency-key': 'a-secret-key',
      },
      body: JSON.stringify({ plan: 'checkout', revision: 'v2', endpoints: ['127.0.0.1:9090'] }),
    });
    const { id } = (await response.json()) as { id: string };
    await rig.until(
      async () => (await rolloutOf(rig, id)).phase === 'promoted' && rig.delivered.at(-1)?.kind === 'promoted',
    );

    // then: the start is part of what CI does
    const [http] = named('POST /api/v1/rollouts');
    expect(http).toMatchObject({ parent: 'd'.repeat(16), traceId: 'c'.repeat(32), ended: true });
    expect(http?.attributes).toMatchObject({ 'http.response.status_code': 201 });
    const begun = named('commit').filter((span) => span.parent === http?.id);
    expect(begun).toMatchObject([
      { attributes: { 'serin.rollout': id, 'serin.phase': 'pending', 'serin.outcome': 'committed' } },
    ]);
    // and a look is what it observes and what it commits
    const [commit] = named('commit').filter(({ attributes }) => attributes['serin.phase'] === 'promoted');
    const reconcile = parentOf(commit);
    expect(reconcile).toMatchObject({
      name: 'reconcile',
      attributes: {
        ...{ 'serin.rollout': id, 'serin.backend': 'checkout', 'serin.fleet': 'edge', 'serin.phase': 'promoting' },
        'serin.outcome': 'promoted',
        'serin.attempt': expect.any(Number),
      },
    });
    const [measure] = named('measure');
    expect(measure?.attributes).toMatchObject({
      'serin.what': 'counters',
      'serin.fleet': 'edge',
      'serin.outcome': 'ok',
    });
    expect(parentOf(measure)?.name).toBe('observe');
    expect(parentOf(parentOf(measure))?.name).toBe('reconcile');
    // and each push took from its commit to the last ACK
    const pushes = named('push');
    expect(pushes.length).toBeGreaterThan(2);
    for (const { attributes, startTime, endTime } of pushes) {
      expect(attributes['serin.rollout']).toBe(id);
      expect(Number(endTime)).toBeGreaterThanOrEqual(Number(startTime));
    }
    // and people were told
    expect(named('deliver').at(-1)?.attributes).toMatchObject({
      ...{ 'serin.rollout': id, 'serin.target': 'deploys', 'serin.kind': 'promoted', 'serin.attempt': 1 },
      'serin.outcome': 'delivered',
    });
    expect(parentOf(named('deliver').at(-1))?.name).toBe('outbox');
    expect(seen.spans.every(({ ended }) => ended)).toBe(true);
    expect(JSON.stringify(seen.spans)).not.toContain('a-secret-key');
  } finally {
    await server.close();
    await rig.stop();
  }
});

it('says what came of what went wrong', async () => {
  const rig = await engineRig(['edge'], createTracer('1'));
  const files = [{ file: 'all.yaml', text: [routeYaml(), backendYaml(), planYaml()].join('---\n') }];
  await rig.answer(rig.engine.apply({ files, dryRun: false, by: 'ci' }));
  rig.metrics = false;
  rig.delivery = { kind: 'retry', afterMs: 1_000, detail: 'HTTP 503 with words of others' };
  await rig.engine.start({ plan: 'checkout', revision: 'v2', endpoints: null, by: 'ci', idempotencyKey: null });
  rig.store.faults.failNextCommit('conflict');
  await rig.until(async () => named('deliver').length > 1 && named('measure').length > 0);
  await rig.stop();
  expect(named('deliver').map(({ attributes }) => attributes['serin.outcome'])).toContain('retry');
  expect(named('deliver').at(-1)?.attributes['serin.attempt']).toBeGreaterThan(1);
  expect(named('measure')[0]?.attributes['serin.outcome']).toBe('SOURCE_DOWN');
  expect(named('commit').map(({ attributes }) => attributes['serin.outcome'])).toContain('conflict');
  expect(JSON.stringify(seen.spans)).not.toContain('words of others');
});

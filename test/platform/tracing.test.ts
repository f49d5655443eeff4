import { afterEach, beforeEach, expect, it } from 'vitest';
import { createRequestTraces, createTracer } from '../../src/platform/tracing.ts';
import { collectSpans } from '../support/spans.ts';

let seen: ReturnType<typeof collectSpans>;
beforeEach(() => {
  seen = collectSpans();
});
afterEach(() => seen.stop());

it('puts spans into each other, with what is noted about the innermost', async () => {
  const tracer = createTracer('1');
  const done = await tracer.span('outer', { rollout: 'r1' }, async () => {
    await tracer.span('inner', {}, async () => tracer.note({ outcome: 'ok', attempt: 2 }));
    tracer.note({ phase: 'stepping' });
    return 'done';
  });
  expect(done).toBe('done');
  const [outer, inner] = seen.spans;
  expect(outer).toMatchObject({ name: 'outer', parent: null, ended: true });
  expect(outer?.attributes).toEqual({ 'serin.rollout': 'r1', 'serin.phase': 'stepping' });
  expect(inner).toMatchObject({ name: 'inner', parent: outer?.id, ended: true });
  expect(inner?.attributes).toEqual({ 'serin.outcome': 'ok', 'serin.attempt': 2 });
});

it('ends what fails as failed, and hands the failure on', async () => {
  const failing = createTracer('1').span('work', {}, async () => Promise.reject(new Error('a bug')));
  await expect(failing).rejects.toThrow('a bug');
  expect(seen.spans).toMatchObject([{ name: 'work', status: 2, ended: true }]);
});

it('cuts long values off', async () => {
  await createTracer('1').span('work', { fleet: 'x'.repeat(100_000) }, async () => undefined);
  expect(String(seen.spans[0]?.attributes['serin.fleet'])).toHaveLength(256);
});

it('tells of work that is over', () => {
  createTracer('1').past('push', { rollout: 'r1' }, 1_000, 1_250);
  expect(seen.spans).toMatchObject([{ name: 'push', startTime: 1_000, endTime: 1_250, ended: true }]);
});

it('makes a request part of what its traceparent names', () => {
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  const request = createRequestTraces('1')('POST', { traceparent, authorization: 'Bearer secret' });
  request.within(() => void createTracer('1').span('commit', {}, async () => undefined));
  request.end('/api/v1/rollouts/:id', 503);
  const [http, commit] = seen.spans;
  expect(http).toMatchObject({
    name: 'POST /api/v1/rollouts/:id',
    traceId: 'a'.repeat(32),
    parent: 'b'.repeat(16),
    status: 2,
  });
  expect(commit).toMatchObject({ parent: http?.id, traceId: 'a'.repeat(32) });
  expect(JSON.stringify(seen.spans)).not.toContain('secret');
});

it('does nothing without an SDK, and hands everything through', async () => {
  seen.stop();
  const tracer = createTracer('1');
  tracer.note({ phase: 'stepping' });
  tracer.past('push', {}, 1, 2);
  expect(await tracer.span('work', {}, async () => 7)).toBe(7);
  let ran = false;
  createRequestTraces('1')('GET', {}).within(() => {
    ran = true;
  });
  expect(ran).toBe(true);
  expect(seen.spans).toEqual([]);
});

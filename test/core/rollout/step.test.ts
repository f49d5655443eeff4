import { afterEach, describe, expect, it } from 'vitest';
import { queryLink } from '../../../src/core/rollout/query-link.ts';
import { RolloutRecord } from '../../../src/core/rollout/rollout-record.ts';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const errorRate = { kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 200 } as const;
const judged = planSpec({
  strategy: {
    name: 'inline',
    steps: [planStep({ name: 'five', weight: 500 }), planStep({ name: 'half', weight: 5_000, holdMs: 60_000 })],
  },
  analysis: [errorRate],
});

let stage: Stage;
afterEach(() => {
  expect(stage.broken).toEqual([]);
});

/** Given a rollout whose first step is live on both Envoys. */
function atFirstStep(spec = judged): Stage {
  stage = new Stage({ spec });
  stage.verdict = 'inconclusive';
  stage.prepared();
  expect(stage.rollout.phase).toBe('stepping');
  return stage.ack().tick();
}

describe('before any traffic', () => {
  it('F17: waits in pending while no Envoy is connected, and fails at the deadline', () => {
    stage = new Stage({}, []);
    stage.tick().tick();
    expect(stage.rollout.phase).toBe('pending');
    expect(stage.rollout.waitingFor).toContain('Envoy');
    stage.tick(3_600_000);
    expect(stage.rollout.phase).toBe('failed');
    expect(stage.backend.rolloutId).toBeNull();
  });

  it('fails when an Envoy that has come since the start lacks what the plan needs, and says what', () => {
    stage = new Stage({ requires: [{ feature: 'time travel', since: [1, 41] }] });
    stage.tick(1);
    expect(stage.rollout).toMatchObject({ phase: 'failed', cause: { kind: 'no_dataplane', node: 'a' } });
    expect(stage.rollout.cause?.summary).toBe('Envoy a runs 1.40.0; time travel needs 1.41 or newer');
    expect(stage.traffic).toHaveLength(1);
  });

  it('sends clusters first and no route to the canary', () => {
    stage = new Stage();
    stage.tried();
    expect(stage.rollout.phase).toBe('preparing');
    const sent = stage.traffic.at(-1);
    expect(sent?.revisions.map((r) => r.name)).toEqual(['v1', 'v2']);
    expect(sent?.split).toEqual([{ cluster: 'checkout--v1-abc123', weight: 10_000 }]);
  });

  it('does not route before every counted Envoy has ACKed the clusters', () => {
    stage = new Stage();
    stage.tried().ack('a').tick().tick();
    expect(stage.rollout.drill).toBeNull();
    expect(stage.rollout.waitingFor).toContain('b');
    stage.prepared();
    expect(stage.rollout.phase).toBe('stepping');
  });

  it('does not route while the canary has no healthy host, although its cluster was ACKed', () => {
    stage = new Stage();
    stage.hosts = 0;
    stage.prepared();
    expect(stage.rollout).toMatchObject({ phase: 'preparing', drill: null });
    stage.hosts = 1;
    stage.prepared();
    expect(stage.rollout.phase).toBe('stepping');
  });

  it('does not route while nobody can say whether hosts are healthy', () => {
    stage = new Stage();
    stage.metricsUp = false;
    stage.prepared();
    expect(stage.rollout.phase).toBe('preparing');
    expect(stage.rollout.waitingFor).toContain('SOURCE_DOWN');
  });

  it('fails on a NACK of the clusters and takes them back', () => {
    stage = new Stage();
    stage.tick().nack('b', 'malformed IP address').tick();
    expect(stage.rollout.phase).toBe('failed');
    expect(stage.rollout.cause).toMatchObject({ kind: 'nack', node: 'b' });
    expect(stage.traffic.at(-1)?.revisions.map((r) => r.name)).toEqual(['v1']);
    expect(stage.notices.at(-1)).toMatchObject({ kind: 'failed', tone: 'bad' });
  });

  it('goes straight to promotion at a first deployment: there is nothing to step away from', () => {
    stage = new Stage({ stable: null });
    stage.prepared();
    expect(stage.rollout.phase).toBe('promoting');
    stage.ack().tick();
    expect(stage.rollout.phase).toBe('promoted');
    expect(stage.backend.stable?.name).toBe('v2');
  });
});

describe('a step', () => {
  it('is not judged as passed before it is live on every counted Envoy', () => {
    stage = new Stage({ spec: judged });
    stage.prepared();
    stage.ack('a').tick().tick();
    expect(stage.rollout).toMatchObject({ phase: 'stepping', step: 0 });
    expect(stage.rollout.waitingFor).toBe('the ACK of b');
  });

  it('goes back on failing evidence even while a laggard keeps it from being live', () => {
    stage = new Stage({ spec: judged });
    stage.prepared();
    stage.verdict = 'fail';
    stage.ack('a').tick();
    expect(stage.rollout.phase).toBe('rolling_back');
    expect(stage.weight).toBe(0);
  });

  it('holds on missing evidence and never fails by it', () => {
    atFirstStep();
    stage.metricsUp = false;
    stage.tick().tick().tick();
    expect(stage.rollout).toMatchObject({ phase: 'stepping', step: 0, paused: null });
  });

  it('F9: pauses with an alert when evidence is missing for too long, and a person can go on', () => {
    atFirstStep();
    stage.tick(600_000);
    expect(stage.rollout.paused?.by).toBe('serin');
    expect(stage.notices.at(-1)?.kind).toBe('paused');
    stage.verdict = 'pass';
    stage.tick().tick();
    expect(stage.rollout.step).toBe(0);
    expect(stage.command({ type: 'resume' })).toBe('accepted');
    stage.tick();
    expect(stage.rollout.step).toBe(1);
  });

  it('keeps its hold from the moment it is live, not from the commit', () => {
    atFirstStep();
    stage.verdict = 'pass';
    stage.tick();
    expect(stage.rollout.step).toBe(1);
    stage.tick(30_000).ack().tick(1);
    const liveAtMs = stage.nowMs;
    stage.tick(59_000);
    expect(stage.rollout.phase).toBe('stepping');
    stage.tick(liveAtMs + 60_000 - stage.nowMs);
    expect(stage.rollout.phase).toBe('promoting');
  });

  it('rolls back at once on failing evidence and says metric, value, limit and requests', () => {
    atFirstStep();
    stage.verdict = 'fail';
    stage.tick();
    expect(stage.rollout.phase).toBe('rolling_back');
    expect(stage.rollout.cause).toMatchObject({ kind: 'analysis', step: 0, verdict: { metric: 'error-rate' } });
    const labels = stage.notices.at(-1)?.fields.map(([label]) => label);
    expect(labels).toEqual(['Cause', 'Step', 'Metric', 'Value', 'Limit', 'Baseline', 'Requests seen', 'Requests hurt']);
    expect(stage.traffic.at(-1)?.split).toEqual([{ cluster: 'checkout--v1-abc123', weight: 10_000 }]);
  });

  it('is not reported as rolled back before the Envoys have said so', () => {
    atFirstStep();
    stage.verdict = 'fail';
    stage.tick().tick().ack('a').tick();
    expect(stage.rollout.phase).toBe('rolling_back');
    expect(stage.rollout.waitingFor).toBe('the ACK of b');
    stage.ack('b').tick();
    expect(stage.rollout.phase).toBe('rolled_back');
    expect(stage.notices.at(-1)?.fields.at(-1)?.[0]).toBe('Last Envoy back on stable after');
    expect(stage.backend).toMatchObject({ rolloutId: null, stable: { name: 'v1' } });
  });

  it('keeps serving the clusters that went out of use', () => {
    atFirstStep();
    stage.verdict = 'fail';
    stage.tick().ack().tick();
    expect(stage.traffic.at(-1)?.revisions.map((r) => r.name)).toEqual(['v1', 'v2']);
    expect(stage.backend.retired[0]?.untilMs).toBeGreaterThan(stage.nowMs);
  });

  it('is judged anew, but by a judge that remembers the steps before', () => {
    atFirstStep();
    stage.verdict = 'pass';
    stage.tick();
    expect(stage.rollout.step).toBe(1);
    expect(stage.rollout.evidence).toBeNull();
    expect(stage.judgement).toEqual({ looks: 2 });
    stage.verdict = 'inconclusive';
    stage.ack().tick();
    expect(stage.judgement).toEqual({ looks: 3 });
  });

  it('says in the message of a rollback where the counters can be looked at', () => {
    atFirstStep();
    stage.queryUrl = 'http://prometheus:9090/p';
    stage.verdict = 'fail';
    stage.tick();
    const link = stage.notices.at(-1)?.fields.find(([label]) => label === 'Query')?.[1] ?? '';
    expect(link).toMatch(/^http:\/\/prometheus:9090\/p\/graph\?g0\.tab=0&g0\.expr=sum/);
    expect(decodeURIComponent(link)).toContain('envoy_cluster_name=~"checkout--v1-abc123|checkout--v2-abc123"');
  });

  it.each([
    ['error-rate', 'envoy_cluster_upstream_rq_xx{'],
    [
      'latency',
      'histogram_quantile(0.99, sum by (envoy_cluster_name, le) (rate(envoy_cluster_upstream_rq_time_bucket{',
    ],
    [
      'retried-5xx',
      'envoy_cluster_retry_upstream_rq_xx{envoy_cluster_name=~"checkout--v1-abc123|checkout--v2-abc123",',
    ],
    ['resets-timeouts', 'envoy_cluster_upstream_rq_timeout{'],
    ['routing', 'envoy_cluster_upstream_rq_completed{'],
    ['declined', 'sum(rate(declined{cluster="checkout--v2-abc123"}[120s]))'],
  ])('and of %s by what that is about', (metric, query) => {
    const declined = 'sum(rate(declined{cluster="{{ canary.cluster }}"}[{{ window }}]))';
    const own = { kind: 'query', name: 'declined', query: declined, min: null, max: 1, windowMs: 120_000 } as const;
    atFirstStep(planSpec({ analysis: [own, ...planSpec().analysis] }));
    const link = queryLink(stage.rollout, { metric }, { queryUrl: 'http://p' })[0]?.[1] ?? '';
    expect(decodeURIComponent(link)).toContain(query);
    expect(queryLink(stage.rollout, { metric }, {})).toEqual([]);
  });

  it('counts the requests hurt over all steps, by the metric that sends it back', () => {
    atFirstStep();
    stage.verdict = 'pass';
    stage.tick();
    expect(stage.rollout.step).toBe(1);
    // The scripted judge sees nothing bad in a step that passes.
    const [first, ...rest] = stage.rollout.history;
    if (first === undefined) throw new Error('no step was left');
    stage.rollout = { ...stage.rollout, history: [{ ...first, bad: { 'error-rate': 7, latency: 90 } }, ...rest] };
    stage.verdict = 'fail';
    stage.ack().tick();
    const { cause, history } = stage.rollout;
    expect([cause?.hurt, history.at(-1)?.bad]).toEqual([157, { 'error-rate': 150 }]);
    expect(stage.notices.at(-1)?.fields).toContainEqual(['Requests hurt', '157']);
    expect(RolloutRecord.parse(JSON.parse(JSON.stringify(stage.rollout)))).toEqual(stage.rollout);
  });

  it('says where to look when it pauses for want of evidence', () => {
    atFirstStep();
    stage.queryUrl = 'http://p';
    stage.verdict = 'inconclusive';
    for (let i = 0; i < 200 && stage.rollout.paused === null; i += 1) stage.ack().tick(60_000);
    expect(stage.rollout.paused).not.toBeNull();
    expect(stage.notices.at(-1)?.fields.map(([label]) => label)).toEqual(['Reason', 'Query']);
  });

  it('goes back on a NACK and names Envoy and reason', () => {
    atFirstStep(planSpec({ strategy: { name: 's', steps: [planStep(), planStep({ weight: 900 })] } }));
    expect(stage.rollout.step).toBe(1);
    stage.nack('a', 'missing ): a((').tick();
    expect(stage.rollout.phase).toBe('rolling_back');
    expect(stage.rollout.cause?.summary).toBe('Envoy a refused the change: missing ): a((');
  });

  it('goes back at the deadline, paused or not', () => {
    atFirstStep();
    expect(stage.command({ type: 'pause', reason: 'lunch' })).toBe('accepted');
    stage.tick(3_600_000);
    expect(stage.rollout).toMatchObject({ phase: 'rolling_back', cause: { kind: 'deadline' } });
  });

  it('F27: does not advance while the clocks disagree, but still goes back', () => {
    atFirstStep();
    stage.clockTrusted = false;
    stage.verdict = 'pass';
    stage.tick().tick();
    expect(stage.rollout.step).toBe(0);
    stage.verdict = 'fail';
    stage.tick();
    expect(stage.rollout.phase).toBe('rolling_back');
  });
});

describe('pinned testers', () => {
  const pinning = planSpec({
    strategy: {
      name: 'header-first',
      steps: [
        planStep({
          name: 'testers',
          weight: 0,
          approve: true,
          matches: [{ headers: [{ name: 'x-tester', type: 'Exact', value: 'yes' }] }],
        }),
        planStep({ name: 'ten', weight: 1_000 }),
      ],
    },
    analysis: [errorRate],
  });

  it('go to a cluster of their own, which is there before the first route', () => {
    stage = new Stage({ spec: pinning });
    stage.tried();
    expect(stage.traffic.at(-1)).toMatchObject({ pinned: ['checkout/v2-abc123'], pins: [] });
    stage.prepared().ack().tick();
    expect(stage.traffic.at(-1)?.pins.map((pin) => pin.cluster)).toEqual(['checkout--v2-abc123--pin']);
    expect(stage.weight).toBe(0);
  });

  it('need no evidence at weight 0, but the approval where the step asks for one', () => {
    stage = new Stage({ spec: pinning });
    stage.metricsUp = true;
    stage.prepared().ack().tick(1).ack().tick().tick();
    expect(stage.rollout.step).toBe(0);
    expect(stage.notices.at(-1)?.kind).toBe('approval');
    expect(stage.command({ type: 'approve', gate: { step: 0, attempt: 0 } })).toBe('SERIN_GATE_CONFLICT');
    expect(stage.command({ type: 'approve', gate: { step: 0, attempt: 1 } })).toBe('accepted');
    stage.tick();
    expect(stage.rollout.step).toBe(1);
    expect(stage.command({ type: 'approve', gate: { step: 0, attempt: 1 } })).toBe('SERIN_GATE_CONFLICT');
  });
});

describe('Envoys that come and go', () => {
  it('F16: a counted Envoy that is gone holds the step for the grace period, then leaves the count', () => {
    stage = new Stage({ spec: planSpec() });
    stage.prepared();
    stage.ack('a').disconnect('b').tick(29_000);
    expect(stage.rollout.phase).toBe('stepping');
    stage.tick(2_000);
    expect(stage.rollout.phase).toBe('promoting');
  });

  it('a counted Envoy that comes back counts again', () => {
    stage = new Stage({ spec: planSpec() });
    stage.prepared();
    stage.ack('a').disconnect('b').tick(20_000);
    stage.connect('b').tick(20_000);
    expect(stage.rollout.waitingFor).toBe('the ACK of b');
  });

  it('a new Envoy does not count', () => {
    stage = new Stage({ spec: planSpec() });
    stage.prepared();
    stage.connect('c').ack('a', 'b').tick();
    expect(stage.rollout.phase).toBe('promoting');
  });

  it('an empty fleet holds; a fleet of replacements takes over the count', () => {
    stage = new Stage({ spec: planSpec() });
    stage.prepared();
    stage.disconnect('a', 'b').tick(60_000).tick();
    expect(stage.rollout.phase).toBe('stepping');
    stage.connect('c').tick();
    expect(stage.rollout.waitingFor).toBe('the ACK of c');
    stage.ack('c').tick();
    expect(stage.rollout.phase).toBe('promoting');
  });
});

describe('commands', () => {
  it('pause holds every advance, resume gives it free, and saying it twice changes nothing', () => {
    atFirstStep();
    expect(stage.command({ type: 'pause', reason: 'look at it' })).toBe('accepted');
    expect(stage.command({ type: 'pause', reason: 'again' })).toBe('unchanged');
    stage.verdict = 'pass';
    stage.tick().tick();
    expect(stage.rollout.step).toBe(0);
    expect(stage.command({ type: 'resume' })).toBe('accepted');
    expect(stage.command({ type: 'resume' })).toBe('unchanged');
    stage.tick();
    expect(stage.rollout.step).toBe(1);
  });

  it('a paused rollout still goes back on failing evidence', () => {
    atFirstStep();
    stage.command({ type: 'pause', reason: 'look at it' });
    stage.verdict = 'fail';
    stage.tick();
    expect(stage.rollout.phase).toBe('rolling_back');
  });

  it('abort before any traffic ends at once, later it goes back to stable first', () => {
    stage = new Stage({ spec: judged });
    stage.tick();
    stage.command({ type: 'abort', reason: 'wrong build' });
    expect(stage.rollout.phase).toBe('aborted');
    atFirstStep();
    stage.command({ type: 'abort', reason: 'wrong build' });
    expect(stage.rollout.phase).toBe('aborting');
    expect(stage.command({ type: 'abort', reason: 'wrong build' })).toBe('unchanged');
    stage.ack().tick();
    expect(stage.rollout.phase).toBe('aborted');
    expect(stage.notices.at(-1)?.kind).toBe('aborted');
  });

  it('promote skips the remaining steps, but not the way over the Envoys', () => {
    atFirstStep();
    expect(stage.command({ type: 'promote' })).toBe('accepted');
    expect(stage.rollout.phase).toBe('promoting');
    stage.tick();
    expect(stage.rollout.phase).toBe('promoting');
    stage.ack().tick();
    expect(stage.rollout.phase).toBe('promoted');
  });

  it('F31: a durable rollback wins over a later promote', () => {
    atFirstStep();
    stage.verdict = 'fail';
    stage.tick();
    expect(stage.command({ type: 'promote' })).toBe('SERIN_PHASE_CONFLICT');
    expect(stage.command({ type: 'pause', reason: 'x' })).toBe('SERIN_PHASE_CONFLICT');
  });
});

describe('the end', () => {
  it('promotion flips stable in the very commit that ends the rollout', () => {
    atFirstStep();
    stage.verdict = 'pass';
    stage.tick();
    stage.ack().tick(1).tick(60_000);
    expect(stage.rollout.phase).toBe('promoting');
    expect(stage.backend.stable?.name).toBe('v1');
    expect(stage.weight).toBe(10_000);
    stage.ack().tick();
    expect(stage.rollout.phase).toBe('promoted');
    expect(stage.backend.stable?.name).toBe('v2');
    expect(stage.dueAtMs).toBeNull();
    expect(stage.traffic.at(-1)?.split).toEqual([{ cluster: 'checkout--v2-abc123', weight: 10_000 }]);
  });
});

import type { Rollout } from '../core/rollout/rollout.ts';
import type { Hooks } from './ports/hooks.ts';
import type { MetricsSource } from './ports/metrics-source.ts';
import type { Notifier } from './ports/notifier.ts';
import type { Commit, RecordStore, Subject } from './ports/store.ts';
import type { TraceAttributes, Tracer } from './ports/tracer.ts';

/** Ports with spans around their calls. Ids, names of configuration and outcomes only: no words, no secrets. */

export function tracedRecords(records: RecordStore, tracer: Tracer): RecordStore {
  return {
    ...records,
    commit: (commit) => {
      // What only puts off a look is no decision.
      if (commit.writes.length === 0) return records.commit(commit);
      return tracer.span('commit', ofCommit(commit), async () => {
        const outcome = await records.commit(commit);
        tracer.note({ outcome: outcome.kind });
        if (outcome.kind === 'committed') noteLive(commit, tracer);
        return outcome;
      });
    },
  };
}

export function tracedMetrics(metrics: MetricsSource, tracer: Tracer): MetricsSource {
  const measured = <T extends { readonly kind: string }>(
    attributes: TraceAttributes,
    ask: () => Promise<T>,
  ): Promise<T> =>
    tracer.span('measure', attributes, async () => {
      const result = await ask();
      tracer.note({ outcome: 'gap' in result && typeof result.gap === 'string' ? result.gap : result.kind });
      return result;
    });
  return {
    ...metrics,
    counters: (request) => measured({ what: 'counters', fleet: request.fleet }, () => metrics.counters(request)),
    scalar: (request) => measured({ what: 'query' }, () => metrics.scalar(request)),
  };
}

export function tracedNotifier<T extends Notifier>(notifier: T, tracer: Tracer): T {
  return {
    ...notifier,
    deliver: (target, notice, attempt) => {
      const about = { rollout: notice.rolloutId, kind: notice.kind, target, attempt: attempt + 1 };
      return tracer.span('deliver', about, async () => {
        const delivery = await notifier.deliver(target, notice, attempt);
        tracer.note({ outcome: delivery.kind });
        return delivery;
      });
    },
  };
}

export function tracedHooks<T extends Hooks>(hooks: T, tracer: Tracer): T {
  return {
    ...hooks,
    ask: (question) => {
      const { rolloutId: rollout, target, attempt, ask } = question;
      return tracer.span('ask', { rollout, target, attempt, ask }, async () => {
        const answer = await hooks.ask(question);
        tracer.note({ outcome: answer?.kind ?? 'none' });
        return answer;
      });
    },
  };
}

/** The work of one wake-up. */
export function tracedSubject(tracer: Tracer, subject: Subject, work: () => Promise<void>): Promise<void> {
  const [kind = '', ...rest] = subject.split('/');
  const name = kind === 'rollout' ? 'reconcile' : kind;
  const about: TraceAttributes = kind === 'rollout' ? { rollout: rest.join('/') } : { subject };
  return tracer.span(name, about, work);
}

function ofCommit({ writes, traffic, trials }: Commit): TraceAttributes {
  const written = writes.find(({ key, body }) => key.startsWith('rollout/') && body !== null);
  const fleets = [...new Set([...traffic, ...trials].map(({ fleet }) => fleet))].sort();
  const about = { records: writes.length, ...(fleets.length === 0 ? {} : { fleet: fleets.join() }) };
  if (written === undefined) return about;
  const { id, backend, phase, step, attempt } = written.body as Rollout;
  return { ...about, rollout: id, backend, phase, step, attempt };
}

/** From the commit of a push to the last ACK of the Envoys that count; known in the commit that says so. */
function noteLive({ events, writes }: Commit, tracer: Tracer): void {
  if (!events.some(({ type }) => type === 'live')) return;
  for (const { key, body } of writes) {
    if (!key.startsWith('rollout/') || body === null) continue;
    const { id, backend, phase, step, attempt, push } = body as Rollout;
    if (push === null || push.liveAtMs === null) continue;
    const about = { rollout: id, backend, phase, step, attempt, fleet: Object.keys(push.counted).join() };
    tracer.past('push', about, push.committedAtMs, push.liveAtMs);
  }
}

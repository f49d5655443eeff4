import { cutRevision } from '../../src/core/model/cut-revision.ts';
import type { Document, PlanSpec, StepSpec, WebhookSpec, WindowsSpec } from '../../src/core/model/documents.ts';
import { backendTraffic } from '../../src/core/traffic/backend-traffic.ts';
import type { Commit, RecordKey } from '../../src/engine/ports/store.ts';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';
import { planSpec, planStep } from '../support/rollouts.ts';
import type { Dice } from './dice.ts';
import type { Split } from './envoy.ts';
import { QUOTED_SECRET } from './secret.ts';

/** What a schedule is played with: documents, and which revisions are bad in which way. */
export interface Scenario {
  readonly backends: readonly string[];
  /** Puts the documents and the stable revisions in place. */
  readonly commit: Commit;
  /** Share of requests to this cluster that fail. */
  failureRate(cluster: string): number;
  /** Why this Envoy will not have a cluster; `null`: it takes it. */
  refusesCluster(envoyId: string, cluster: string): string | null;
  /** The same for a route table with these splits. */
  refusesRoutes(envoyId: string, splits: readonly Split[]): string | null;
  isBad(cluster: string): boolean;
  /**
   * Is this cluster, or a table with it, refused by an Envoy? Where the one that tries changes out takes it, the others
   * refuse everybody's changes together with it.
   */
  mayBeRefused(cluster: string): boolean;
}

/**
 * Open for two minutes of three, in the first half hour of a Thursday, when schedules are played. Other days would be in
 * every record of such a plan, and most of it.
 */
const WINDOWS: WindowsSpec = {
  zone: 'UTC',
  open: Array.from({ length: 11 }, (_, i) => ({ days: ['thu'], from: ofHour(3 * i), to: ofHour(3 * i + 2) })),
  freezes: [],
};

function ofHour(minute: number): string {
  return `00:${String(minute).padStart(2, '0')}`;
}

const TESTERS = [{ headers: [{ name: 'x-tester', type: 'Present' as const }] }];
const errorRate = { kind: 'error-rate', name: 'error-rate', max: 0.05, minRequests: 60 } as const;
/** The judge of a plan that names none. It asks for enough requests to have seen a regression, before all go over. */
const JUDGED_BY_DEFAULT: Partial<PlanSpec> = {
  judge: { name: 'sequential' },
  analysis: [{ ...errorRate, minRequests: null }],
};
/** Requests keep their arm from backend to backend. */
export const COLOUR = { header: 'x-serin-arm' };
/** Of the first backend, beside its canary. */
export const VARIANTS: readonly string[] = ['green'];
export const MIN_REQUESTS = errorRate.minRequests;

/**
 * @param tries does this Envoy try out this cluster at present?
 * @param joint does the plan of the first backend roll the second one out together with it?
 * @param variants are several revisions of the first backend tested at once?
 */
export function scenario(
  rollouts: number,
  dice: Dice,
  tries: (envoyId: string, cluster: string) => boolean,
  { joint = false, variants = false }: { readonly joint?: boolean; readonly variants?: boolean } = {},
): Scenario {
  const backends = Array.from({ length: rollouts }, (_, i) => `shop-${i + 1}`);
  const writes: { key: RecordKey; body: unknown }[] = [];
  const traffic: Commit['traffic'][number][] = [];
  for (const [i, backend] of backends.entries()) {
    const own = { others: joint && i === 0 ? backends.slice(1, 2) : [], variants: variants && i === 0 ? VARIANTS : [] };
    const documents = documentsOf(backend, i, dice, own);
    for (const document of documents) {
      writes.push({ key: `document/${document.kind}/${document.name}`, body: { document, source: '' } });
      if (document.kind === 'Route') {
        const value = { kind: 'route', route: document.name, spec: document.spec } as const;
        traffic.push({ fleet: 'edge', owner: `route/${document.name}`, value });
      }
      if (document.kind !== 'Backend') continue;
      const cut = cutRevision({ backend, spec: document.spec, revision: 'v1', endpoints: null });
      if (cut.kind === 'error') throw new Error(cut.errors[0]?.message);
      const state = { backend, stable: cut.value, rolloutId: null, retired: [] };
      writes.push({ key: `backend/${backend}`, body: state });
      traffic.push({ fleet: 'edge', owner: `backend/${backend}`, value: backendTraffic(state, null) });
    }
  }
  let slippedThrough = false;
  const bad = remembered((revision) => revision !== 'v1' && dice.chance(`bad ${revision}`, 0.25));
  const poison = remembered((revision) =>
    !revision.endsWith('--v1') && dice.chance(`refused ${revision}`, 0.12)
      ? {
          what: dice.pick(`refused ${revision}`, ['cluster', 'cluster', 'routes']),
          by: dice.chance(`refused ${revision}`, 0.3) ? 'n1' : null,
        }
      : null,
  );
  const refusal = (what: 'cluster' | 'routes', envoyId: string, cluster: string): string | null => {
    const refused = poison(revisionOf(cluster));
    if (refused?.what !== what || (refused.by !== null && refused.by !== envoyId)) return null;
    slippedThrough ||= !tries(envoyId, cluster);
    return wordsOf(what, cluster);
  };
  const isBad = (cluster: string) => !revisionOf(cluster).endsWith('--v1') && bad(revisionOf(cluster));
  return {
    backends,
    commit: { ...EMPTY_COMMIT, reads: writes.map(({ key }) => ({ key, rev: 0 })), writes, traffic },
    isBad,
    mayBeRefused: (cluster) => poison(revisionOf(cluster)) !== null || slippedThrough,
    failureRate: (cluster) => (isBad(cluster) ? 0.3 : 0.002),
    refusesCluster: (envoyId, cluster) => refusal('cluster', envoyId, cluster),
    refusesRoutes: (envoyId, splits) => {
      const refused = splits.flat().find(({ cluster, weight }) => weight > 0 && refusal('routes', envoyId, cluster));
      return refused === undefined ? null : wordsOf('routes', refused.cluster);
    },
  };
}

/** Envoy quotes what it will not have, secrets and all. */
function wordsOf(what: string, cluster: string): string {
  return `no ${what} of ${cluster} here (${QUOTED_SECRET})`;
}

interface Together {
  readonly others: readonly string[];
  readonly variants: readonly string[];
}

function documentsOf(backend: string, index: number, dice: Dice, { others, variants }: Together): Document[] {
  const weights = (weight: number) =>
    variants.length === 0
      ? { weight }
      : { weight, weights: Object.fromEntries(variants.map((name) => [name, weight])) };
  const testers = dice.chance('testers', 0.3);
  const steps: StepSpec[] = [
    ...(testers ? [planStep({ name: 'testers', weight: 0, matches: TESTERS })] : []),
    planStep({
      ...{ name: 'few', ...weights(500), holdMs: dice.pick('hold', [0, 0, 0, 2_000, 2_000, 2_000, 40_000]) },
      ...(dice.chance('early webhook', 0.15) ? { webhook: webhookOf(dice) } : {}),
    }),
    planStep({
      ...{ name: 'half', ...weights(variants.length === 0 ? 5_000 : 3_000), approve: dice.chance('approve', 0.2) },
      ...(dice.chance('webhook', 0.3) ? { webhook: webhookOf(dice) } : {}),
    }),
  ];
  const spec = planSpec({
    backend,
    strategy: { name: 'any', steps },
    ...(dice.chance('default judge', 0.4) ? JUDGED_BY_DEFAULT : { analysis: [errorRate] }),
    deadlineMs: 480_000,
    inconclusiveAfterMs: 45_000,
    ackTimeoutMs: 12_000,
    ...(variants.length === 0 ? {} : { variants }),
    ...(others.length + variants.length === 0
      ? { onNewRevision: dice.pick('on new revision', ['reject', 'queue', 'supersede', 'supersede'] as const) }
      : {
          ...(others.length === 0
            ? {}
            : { joint: dice.chance('colour', 0.5) ? { others, colour: COLOUR } : { others } }),
          onNewRevision: 'reject',
        }),
    onLaggard: dice.pick('on laggard', ['hold', 'hold', 'exclude', 'rollback']),
    ...(dice.chance('windows', 0.2) ? { windows: WINDOWS } : {}),
    ...(dice.chance('bake', 0.3) ? { bakeMs: 20_000 } : {}),
  });
  const endpoints =
    index % 2 === 0
      ? ({ kind: 'static', addresses: [{ host: '127.0.0.1', port: 8_080 + index }] } as const)
      : ({ kind: 'dns', host: `${backend}-{{ revision }}.test`, port: 8_080 } as const);
  const rule = { name: backend, matches: [], backend, timeoutMs: 5_000 };
  return [
    {
      kind: 'Backend',
      name: backend,
      spec: { protocol: 'http1', connectTimeoutMs: 1_000, healthCheck: null, endpoints, initial: null },
    },
    { kind: 'Route', name: backend, spec: { fleet: 'edge', hostnames: [`${backend}.test`], rules: [rule] } },
    { kind: 'Plan', name: backend, spec },
  ];
}

function webhookOf(dice: Dice): WebhookSpec {
  return {
    ...{ target: 'checks', everyMs: 2_000, timeoutMs: 4_000 },
    withinMs: dice.pick('hook within', [null, 20_000, 60_000]),
    otherwise: dice.pick('hook otherwise', ['rollback', 'hold']),
  };
}

/** `shop-1--v2-1a2b3c4d--pin` → `shop-1--v2` */
function revisionOf(cluster: string): string {
  return cluster.replace(/-[0-9a-f]{8}(?:--pin)?$/, '');
}

function remembered<T>(find: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const value = find(key);
    known.set(key, value);
    return value;
  };
}

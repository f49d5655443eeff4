import type { BackendState } from '../model/backend-state.ts';
import { besideStable, cutRevision } from '../model/cut-revision.ts';
import type { BackendDocument, Document, PlanDocument, RouteDocument } from '../model/documents.ts';
import { ok, type Result, type SerinError } from '../model/errors.ts';
import { backendsOfPlan } from '../model/joint-spec.ts';
import type { Revision } from '../model/revision.ts';
import { backendsNamedBy, targetsOf } from '../model/route-rule.ts';
import type { FleetTable, OwnerTraffic, TrafficOwner } from '../model/traffic.ts';
import { newRollout } from '../rollout/new-rollout.ts';
import type { Rollout, Variant } from '../rollout/rollout.ts';
import { backendTraffic } from './backend-traffic.ts';
import type { PreviewStep } from './preview-step.ts';

export interface Preview {
  readonly documents: readonly Document[];
  /** `null`: nothing is rolling. */
  readonly rolling: {
    readonly plan: PlanDocument;
    readonly step: PreviewStep;
    readonly revision: string;
  } | null;
  /** Name of what is stable, where the backend does not say. */
  readonly stable: string | null;
}

/** For documentation (RFC 5737): stands where a backend does not say where it runs. */
const NOWHERE = '192.0.2.1:80';

/** What the Envoys of each fleet would be told if these documents were all there is. */
export function previewTables({ documents, rolling, stable }: Preview): Result<readonly FleetTable[]> {
  const routes = documents.filter((document): document is RouteDocument => document.kind === 'Route');
  const backends = new Map<string, OwnerTraffic>();
  for (const document of documents) {
    if (document.kind !== 'Backend') continue;
    const isRolling = rolling !== null && backendsOfPlan(rolling.plan.spec).includes(document.name);
    const own = isRolling ? rolling : null;
    const traffic = backendOf(document, own, stable, routes);
    if (traffic.kind === 'error') return traffic;
    backends.set(document.name, traffic.value);
  }
  const fleets = [...new Set(routes.map(({ spec }) => spec.fleet))].sort();
  return ok(fleets.map((fleet) => tableOf(fleet, routes, backends)));
}

function tableOf(
  fleet: string,
  routes: readonly RouteDocument[],
  backends: ReadonlyMap<string, OwnerTraffic>,
): FleetTable {
  const own = routes.filter(({ spec }) => spec.fleet === fleet);
  const named = new Set(own.flatMap(({ spec }) => spec.rules.flatMap(backendsNamedBy)));
  const values: (readonly [TrafficOwner, OwnerTraffic])[] = [
    ...[...backends].filter(([name]) => named.has(name)).map(([name, value]) => [`backend/${name}`, value] as const),
    ...own.map(({ name, spec }) => [`route/${name}`, { kind: 'route', route: name, spec }] as const),
  ];
  const owners = new Map(values.map(([owner, value]) => [owner, { n: 1, value }]));
  return { fleet, position: { epoch: 'preview', n: 1 }, trial: null, owners };
}

function backendOf(
  document: BackendDocument,
  rolling: Preview['rolling'],
  stable: string | null,
  routes: readonly RouteDocument[],
): Result<OwnerTraffic> {
  const base = stableOf(document, stable);
  if (base.kind === 'error') return base;
  const state: BackendState = { backend: document.name, stable: base.value, rolloutId: null, retired: [] };
  if (rolling === null) return ok(backendTraffic(state, null));
  const rollout = rolloutOf(document, rolling, base.value, routes);
  return rollout.kind === 'error' ? rollout : ok(backendTraffic(state, rollout.value));
}

/** What is stable and what rolls out, as far as documents tell. */
export function previewRevisions(
  document: BackendDocument,
  { revision, stable }: { readonly revision: string; readonly stable: string | null },
): Result<{ readonly stable: Revision; readonly canary: Revision }> {
  const base = stableOf(document, stable);
  if (base.kind === 'error') return base;
  const canary = canaryOf(document, revision, base.value);
  return canary.kind === 'error' ? canary : ok({ stable: base.value, canary: canary.value });
}

function stableOf(document: BackendDocument, stable: string | null): Result<Revision> {
  const initial = document.spec.initial;
  const name = stable ?? initial?.revision ?? 'stable';
  const own = (initial?.revision === name ? initial.endpoints : null) ?? document.spec.endpoints;
  return cut({ ...document, spec: { ...document.spec, endpoints: own } }, name);
}

function canaryOf(document: BackendDocument, revision: string, stable: Revision): Result<Revision> {
  const own = cut(document, revision);
  if (own.kind === 'error') return own;
  const beside = besideStable(own.value, stable);
  // In an engine it is a conflict with what is there; here both were named by whoever asks.
  return beside.kind === 'ok' ? beside : { kind: 'error', errors: beside.errors.map(asked) };
}

function rolloutOf(
  document: BackendDocument,
  { plan, step, revision }: NonNullable<Preview['rolling']>,
  stable: Revision,
  routes: readonly RouteDocument[],
): Result<Rollout> {
  const canary = canaryOf(document, revision, stable);
  if (canary.kind === 'error') return canary;
  const variants = previewVariants(document, plan, stable);
  if (variants.kind === 'error') return variants;
  const fleets = routes
    .filter(({ spec }) => spec.rules.some((rule) => targetsOf(rule).some((one) => one.backend === document.name)))
    .map(({ spec }) => spec.fleet);
  const rollout = newRollout({
    id: 'preview',
    plan: plan.name,
    spec: plan.spec,
    trigger: { revision, endpoints: null },
    backend: document.name,
    fleets: [...new Set(fleets)].sort(),
    canary: canary.value,
    ...(variants.value.length === 0 ? {} : { variants: variants.value }),
    stable,
    startedBy: 'preview',
    createdAtMs: 0,
    requires: [],
  });
  if (typeof step === 'string') return ok({ ...rollout, phase: step });
  return ok({ ...rollout, phase: 'stepping', step, history: stepsUntil(plan, step) });
}

/** As nobody has said what they are, each is of a revision that is called like it. */
export function previewVariants(
  document: BackendDocument,
  { spec }: PlanDocument,
  stable: Revision,
): Result<readonly Variant[]> {
  const variants: Variant[] = [];
  for (const name of spec.variants ?? []) {
    const canary = canaryOf(document, name, stable);
    if (canary.kind === 'error') return canary;
    variants.push({ name, trigger: { revision: name, endpoints: null }, canary: canary.value });
  }
  return ok(variants);
}

/** Users that earlier steps gave a cookie are told apart by the routes of later ones. */
function stepsUntil({ spec }: PlanDocument, last: number): Rollout['history'] {
  return spec.strategy.steps
    .slice(0, last + 1)
    .map(({ name, weight }, step) => ({ step, name, weight, committedAtMs: 0, liveAtMs: 0, leftAtMs: null }));
}

function asked(error: SerinError): SerinError {
  return { ...error, code: 'SERIN_REQUEST_INVALID', hint: error.hint ?? 'Name two by --revision and --stable.' };
}

function cut({ name, spec }: BackendDocument, revision: string): Result<Revision> {
  return cutRevision({ backend: name, spec, revision, endpoints: spec.endpoints === null ? [NOWHERE] : null });
}

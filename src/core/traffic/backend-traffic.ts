import { addressesOf } from '../model/api-endpoints.ts';
import type { BackendState } from '../model/backend-state.ts';
import { TOTAL_WEIGHT } from '../model/documents.ts';
import type { PinMatch } from '../model/match.ts';
import { pinnedCluster, type Revision } from '../model/revision.ts';
import type { BackendTraffic } from '../model/traffic.ts';
import { CANARY } from '../model/variants.ts';
import { armsOf, shareOf } from '../rollout/arms.ts';
import { followsColour, partOfArm, wholeOf } from '../rollout/joint.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { stickyArms } from './sticky-arms.ts';

/**
 * What a backend's records mean for its Envoys. Pure: a restart, another replica or a replay gives the same.
 * The order of arms is fixed (stable, canary, variants) and the total constant, so a growing canary never moves a user back.
 */
export function backendTraffic(state: BackendState, of: Rollout | null): BackendTraffic {
  const rollout = of === null ? null : wholeOf(of, state.backend);
  const revisions = new Map<string, Revision>();
  const pinned = new Set<string>();
  const serve = (revision: Revision, withPin: boolean) => {
    revisions.set(revision.key, revision);
    if (withPin) pinned.add(revision.key);
  };
  for (const { revision, pinned: withPin } of state.retired) serve(revision, withPin);
  if (state.stable !== null) serve(state.stable, false);
  if (rollout !== null && servesCanary(rollout)) {
    for (const { name, canary } of armsOf(rollout)) serve(canary, usesPins(partOfArm(rollout, name)));
  }
  const served = [...revisions.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  const sticky = rollout === null || state.stable === null ? undefined : stickyArms(rollout);
  return {
    kind: 'backend',
    backend: state.backend,
    revisions: served,
    pinned: [...pinned].sort(),
    split: split(state, rollout),
    ...(rollout === null ? {} : variants(rollout)),
    pins: rollout === null ? [] : pins(rollout),
    ...toldEndpoints(state, served),
    ...(sticky === undefined ? {} : { sticky }),
    ...(rollout === null ? {} : extras(rollout)),
    ...(rollout === null ? {} : colour(rollout)),
    maxStreamMs: rollout !== null && takesRequests(rollout) ? rollout.spec.onRollback.closeStreamsAfterMs : null,
  };
}

/** Hosts of those revisions that have none of their own. */
export function toldEndpoints(
  state: Pick<BackendState, 'endpoints'>,
  revisions: readonly Revision[],
): Pick<BackendTraffic, 'endpoints'> {
  const told = revisions.filter(({ endpoints }) => endpoints.kind === 'api');
  if (told.length === 0) return {};
  return { endpoints: told.map(({ cluster, name }) => ({ cluster, addresses: addressesOf(state, name) })) };
}

/**
 * Does the second bring something that Envoys have not had: a cluster, a match, another limit? That is tried out by
 * one node first. Weights among clusters that are there, and what is taken away, need no trial.
 */
export function addsStructure(before: BackendTraffic, after: BackendTraffic): boolean {
  const had = new Set(before.revisions.map(({ key }) => key));
  if (after.revisions.some(({ key }) => !had.has(key))) return true;
  if (after.pinned.some((key) => !before.pinned.includes(key))) return true;
  if (after.sticky !== undefined && after.sticky.by !== before.sticky?.by) return true;
  if (after.mirror !== undefined && after.mirror.cluster !== before.mirror?.cluster) return true;
  if (after.colour !== undefined && after.colour.header !== before.colour?.header) return true;
  if (after.headers !== undefined && JSON.stringify(after.headers) !== JSON.stringify(before.headers)) return true;
  if (after.maxStreamMs !== null && after.maxStreamMs !== before.maxStreamMs) return true;
  const pinned = new Set(before.pins.map((pin) => JSON.stringify(pin)));
  return after.pins.some((pin) => !pinned.has(JSON.stringify(pin)));
}

/** Does any step of this rollout pin requests? Then the canary's second cluster lives as long as the rollout. */
export function usesPins(rollout: Rollout): boolean {
  return rollout.spec.strategy.steps.some((step) => step.matches.length > 0);
}

function servesCanary({ phase }: Rollout): boolean {
  return (
    phase === 'preparing' ||
    phase === 'stepping' ||
    phase === 'promoting' ||
    phase === 'rolling_back' ||
    phase === 'aborting'
  );
}

/** The canary's share of the present phase and step, in basis points. */
export function canaryWeight(rollout: Rollout): number {
  if (rollout.phase === 'promoting' || rollout.phase === 'promoted') return TOTAL_WEIGHT;
  if (rollout.phase !== 'stepping') return 0;
  return rollout.spec.strategy.steps[rollout.step]?.weight ?? 0;
}

/** Do routes name the canary? Also in the drill, which takes it in at weight 0 and out again. */
function isRouted(rollout: Rollout): boolean {
  return takesRequests(rollout) || (rollout.phase === 'preparing' && rollout.drill?.stage === 'out');
}

/** Only then is there a stream to end on the way back; the limit holds for those on stable as well. */
function takesRequests({ phase }: Rollout): boolean {
  return phase === 'stepping' || phase === 'promoting';
}

function split(state: BackendState, rollout: Rollout | null): BackendTraffic['split'] {
  const stable = state.stable;
  if (rollout === null || !isRouted(rollout)) {
    return stable === null ? [] : [{ cluster: stable.cluster, weight: TOTAL_WEIGHT }];
  }
  const arms = armsOf(rollout).map(({ name, canary }) => ({ cluster: canary.cluster, weight: shareOf(rollout, name) }));
  const given = arms.reduce((sum, { weight }) => sum + weight, 0);
  return stable === null ? arms : [{ cluster: stable.cluster, weight: TOTAL_WEIGHT - given }, ...arms];
}

function variants({ variants: named }: Rollout): Pick<BackendTraffic, 'variants'> {
  return named === undefined ? {} : { variants: named.map(({ name, canary: { cluster } }) => ({ name, cluster })) };
}

function extras(rollout: Rollout): Pick<BackendTraffic, 'mirror' | 'headers'> {
  const step = rollout.phase === 'stepping' ? rollout.spec.strategy.steps[rollout.step] : undefined;
  const { canary } = rollout;
  const clusters = [...new Set([canary.cluster, pinnedCluster(canary)])];
  return {
    ...(step?.mirror === undefined ? {} : { mirror: { cluster: canary.cluster, share: step.mirror } }),
    ...(step?.headers === undefined ? {} : { headers: { clusters, changes: step.headers } }),
  };
}

/** Who is a tester is one everywhere; behind them come requests that have an arm by their colour. */
function pins(rollout: Rollout): BackendTraffic['pins'] {
  const matches = rollout.phase === 'stepping' ? (rollout.spec.strategy.steps[rollout.step]?.matches ?? []) : [];
  return [...testers(rollout, matches), ...coloured(rollout)];
}

/** In the order in which they are written, those of one arm that follow each other together: the first that fits counts. */
function testers(rollout: Rollout, matches: readonly PinMatch[]): BackendTraffic['pins'] {
  const clusters = new Map(armsOf(rollout).map(({ name, canary }) => [name, pinnedCluster(canary)]));
  const pinned: { matches: PinMatch[]; cluster: string }[] = [];
  for (const match of matches) {
    const cluster = clusters.get(match.arm ?? CANARY);
    const last = pinned.at(-1);
    if (last !== undefined && last.cluster === cluster) last.matches.push(match);
    else if (cluster !== undefined) pinned.push({ matches: [match], cluster });
  }
  return pinned;
}

/**
 * The first backend of a joint rollout draws, whatever a request says of itself; the others go by what it has written.
 * While it sends nobody to the canary, nobody comes from there.
 */
function coloured(rollout: Rollout): BackendTraffic['pins'] {
  const { header, arms = [] } = colour(rollout).colour ?? {};
  const exposes = canaryWeight(rollout) > 0 || usesPins(rollout);
  if (header === undefined || !exposes || !followsColour(rollout)) return [];
  const drawn = arms.filter(({ cluster }) => cluster !== pinnedCluster(rollout.canary));
  return drawn.map(({ cluster, value }) => ({
    matches: [{ headers: [{ name: header, type: 'Exact', value }], cookies: [] }],
    cluster,
  }));
}

/** What hosts are told on the way to them, in place of what a request says of itself. */
function colour(rollout: Rollout): Pick<BackendTraffic, 'colour'> {
  const { canary, stable, spec } = rollout;
  const header = spec.joint?.colour?.header;
  if (header === undefined || stable === null || !takesRequests(rollout)) return {};
  const arms = [
    { cluster: stable.cluster, value: 'stable' },
    { cluster: canary.cluster, value: 'canary' },
    { cluster: pinnedCluster(canary), value: 'canary' },
  ];
  return { colour: { header, arms } };
}

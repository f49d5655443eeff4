import type { PlanSpec, RouteSpec } from '../model/documents.ts';
import type { FleetNode } from '../model/fleet-state.ts';

/** Something that an Envoy can do from a version on. */
export interface Capability {
  /** As people say it: `prefixes of whole path elements`. */
  readonly feature: string;
  /** Major and minor of the first Envoy release that knows it. */
  readonly since: readonly [major: number, minor: number];
}

/** `RouteMatch.path_separated_prefix`. An older Envoy ignores the field, and then matches nothing or refuses. */
const PATH_ELEMENTS: Capability = { feature: 'PathPrefix (prefixes of whole path elements)', since: [1, 22] };

/** `WeightedCluster.use_hash_policy`. An older Envoy ignores it, and draws every request by itself. */
const ARM_BY_HASH: Capability = { feature: 'sticky by hash', since: [1, 36] };

/** What the steps of a plan ask of the Envoys. */
export function capabilitiesOfPlan({ strategy }: PlanSpec): readonly Capability[] {
  return strategy.steps.some(({ sticky }) => sticky?.by === 'hash') ? [ARM_BY_HASH] : [];
}

/**
 * What the Envoys must know to serve these routes. Envoy ignores fields that it does not know, so an old one would
 * not refuse a table: it would route otherwise than the others. First release of each field: Envoy's API history.
 */
export function requiredCapabilities(routes: readonly RouteSpec[]): readonly Capability[] {
  const byElements = routes.some(({ rules }) =>
    rules.some(({ matches }) => matches.some(({ path }) => path?.type === 'PathPrefix' && path.value !== '/')),
  );
  return byElements ? [PATH_ELEMENTS] : [];
}

export interface Lack {
  readonly nodeId: string;
  readonly version: string;
  readonly capability: Capability;
}

/** The first thing that the oldest of these nodes lacks. A node that does not tell its version is taken as able. */
export function firstLack(nodes: readonly FleetNode[], required: readonly Capability[]): Lack | null {
  let oldest: { readonly node: FleetNode; readonly version: readonly [number, number] } | null = null;
  for (const node of nodes) {
    const version = versionOf(node.envoyVersion);
    if (version !== null && (oldest === null || isBefore(version, oldest.version))) oldest = { node, version };
  }
  if (oldest === null) return null;
  const { node, version } = oldest;
  const capability = required.find(({ since }) => isBefore(version, since));
  return capability === undefined ? null : { nodeId: node.nodeId, version: node.envoyVersion ?? '', capability };
}

/** One sentence for people, with the version that is needed. */
export function lackSummary({ nodeId, version, capability }: Lack): string {
  return `Envoy ${nodeId} runs ${version}; ${capability.feature} needs ${capability.since.join('.')} or newer`;
}

function versionOf(text: string | null): readonly [number, number] | null {
  const match = /^(\d{1,4})\.(\d{1,4})(?:\.|$)/.exec(text ?? '');
  return match === null ? null : [Number(match[1]), Number(match[2])];
}

function isBefore(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}

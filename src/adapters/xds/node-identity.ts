import type { NodeMessage } from './request-reader.ts';

export interface FleetOptions {
  readonly name: string;
  /** All that is given must equal the node's; `metadata` keys are dotted paths. Nothing given matches every node. */
  readonly match: { readonly cluster?: string; readonly metadata?: Readonly<Record<string, string>> };
  /** Where a node says its name in Prometheus: `id`, or `metadata.<dotted path>`. */
  readonly nodeFrom: string;
}

export interface NodeIdentity {
  readonly nodeId: string;
  readonly fleet: string;
  /** `null`: the node does not say. */
  readonly metricsName: string | null;
  readonly envoyVersion: string | null;
}

export type Identification =
  | { readonly kind: 'node'; readonly identity: NodeIdentity }
  | { readonly kind: 'invalid'; readonly detail: string }
  | { readonly kind: 'no-fleet'; readonly detail: string };

const MAX_TEXT = 256;
const PRINTABLE = /^[\x21-\x7e]+$/;

/** Which fleet a node belongs to: the first of the list that matches. */
export function identify(node: NodeMessage | null, fleets: readonly FleetOptions[]): Identification {
  if (node === null) return invalid('the first request of a stream must name its node');
  if (node.id === '') return invalid('node.id is empty');
  if (node.id.length > MAX_TEXT || !PRINTABLE.test(node.id)) {
    return invalid(`node.id must be 1 to ${MAX_TEXT} printable characters without spaces`);
  }
  if (node.id === '.' || node.id === '..') {
    return invalid('node.id must not be "." or "..": no URL can name that node');
  }
  const fleet = fleets.find(({ match }) => matches(node, match));
  if (fleet === undefined) {
    return { kind: 'no-fleet', detail: 'no fleet matches this node; compare node.cluster and metadata with `fleets`' };
  }
  return {
    kind: 'node',
    identity: {
      nodeId: node.id,
      fleet: fleet.name,
      metricsName: shortText(fleet.nodeFrom === 'id' ? node.id : valueAt(node, fleet.nodeFrom)),
      envoyVersion: shortText(node.version),
    },
  };
}

function invalid(detail: string): Identification {
  return { kind: 'invalid', detail };
}

function matches(node: NodeMessage, { cluster, metadata }: FleetOptions['match']): boolean {
  if (cluster !== undefined && node.cluster !== cluster) return false;
  return Object.entries(metadata ?? {}).every(([path, value]) => valueAt(node, `metadata.${path}`) === value);
}

function valueAt(node: NodeMessage, path: string): unknown {
  let value: unknown = { metadata: node.metadata };
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return null;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

function shortText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT ? value : null;
}

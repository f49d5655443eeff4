import type { FleetLedgers } from '../../core/fleet/fleet-ledgers.ts';
import { type StreamProgress, startOf, type TypeProgress } from '../../core/fleet/ledger-stream.ts';
import { samePosition } from '../../core/model/position.ts';
import type { NodeIdentity } from './node-identity.ts';
import type { Credit, StreamVariant } from './stream-session.ts';
import { XDS_TYPES, type XdsType } from './xds-types.ts';

/** One stream's way to say how far it is. */
export interface StreamEntry {
  asked(type: XdsType): void;
  sent(type: XdsType, version: string): void;
  acked(type: XdsType, version: string | null): void;
  nacked(type: XdsType, nack: NonNullable<TypeProgress['nack']>): void;
  credited(credit: Credit): void;
  closed(): void;
}

/** Enters one stream into the ledger of its fleet. */
export function enterStream(
  ledgers: FleetLedgers,
  identity: NodeIdentity,
  { protocol, only }: StreamVariant,
  now: () => number,
): StreamEntry {
  const { fleet, nodeId, metricsName, envoyVersion } = identity;
  const types = new Map<XdsType, TypeProgress>();
  let credit: Omit<StreamProgress, 'types'> = startOf(now());
  /** What was told last. A push changes a stream several times, and few of them are asked for. */
  let told: StreamProgress | null = null;
  const progress = (): StreamProgress => {
    // In order, so that streams that are equally far say so in the same words.
    told ??= { ...credit, types: inOrder(types) };
    return told;
  };
  const entry = ledgers.open(fleet, { nodeId, metricsName, envoyVersion, protocol, only }, progress);
  let open = true;
  const note = (change: 'told' | 'noted') => {
    told = null;
    if (open) entry.changed(change);
  };
  return {
    asked(type) {
      if (!types.has(type)) types.set(type, { type, sent: null, acked: null, nack: null });
      note('noted');
    },
    sent(type, version) {
      const { acked = null, nack = null } = types.get(type) ?? {};
      types.set(type, { type, sent: version, acked, nack });
      note('noted');
    },
    acked(type, version) {
      const { sent = null, acked = null, nack = null } = types.get(type) ?? {};
      types.set(type, { type, sent, acked: version ?? acked, nack: null });
      note(nack === null ? 'noted' : 'told');
    },
    nacked(type, nack) {
      const { sent = null, acked = null } = types.get(type) ?? {};
      types.set(type, { type, sent, acked, nack });
      note('told');
    },
    credited({ position, counts, routes, routesAt }) {
      const same = counts === credit.counts && routes === credit.routes;
      if (same && samePosition(position, credit.position) && samePosition(routesAt, credit.routesAt)) return;
      credit = { position, counts, routes, routesAt, creditedAtMs: now() };
      note('told');
    },
    closed() {
      if (!open) return;
      open = false;
      entry.close();
    },
  };
}

function inOrder(types: ReadonlyMap<XdsType, TypeProgress>): readonly TypeProgress[] {
  const ordered: TypeProgress[] = [];
  for (const type of XDS_TYPES) {
    const known = types.get(type);
    if (known !== undefined) ordered.push(known);
  }
  return ordered;
}

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
  const types = new Map<XdsType, { sent: string | null; acked: string | null; nack: TypeProgress['nack'] }>();
  let credit: Omit<StreamProgress, 'types'> = startOf(now());
  /** What was told last. A push changes a stream several times, and few of them are asked for. */
  let told: StreamProgress | null = null;
  const progress = (): StreamProgress => {
    // In order, so that streams that are equally far say so in the same words.
    told ??= { ...credit, types: XDS_TYPES.flatMap((type) => entryOf(types, type)) };
    return told;
  };
  const slot = ledgers.open(fleet, { nodeId, metricsName, envoyVersion, protocol, only }, progress);
  let open = true;
  const note = (change: 'told' | 'noted') => {
    told = null;
    if (open) ledgers.changed(fleet, slot, change);
  };
  const of = (type: XdsType) => {
    const known = types.get(type) ?? { sent: null, acked: null, nack: null };
    types.set(type, known);
    return known;
  };
  return {
    asked(type) {
      of(type);
      note('noted');
    },
    sent(type, version) {
      of(type).sent = version;
      note('noted');
    },
    acked(type, version) {
      const known = of(type);
      const refused = known.nack !== null;
      if (version !== null) known.acked = version;
      known.nack = null;
      note(refused ? 'told' : 'noted');
    },
    nacked(type, nack) {
      of(type).nack = nack;
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
      ledgers.close(fleet, slot);
    },
  };
}

function entryOf(types: ReadonlyMap<XdsType, Omit<TypeProgress, 'type'>>, type: XdsType): readonly TypeProgress[] {
  const known = types.get(type);
  return known === undefined ? [] : [{ type, ...known }];
}

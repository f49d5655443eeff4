import type { FleetLedgers } from '../../core/fleet/fleet-ledgers.ts';
import { type StreamProgress, startOf, type TypeProgress } from '../../core/fleet/ledger-stream.ts';
import { samePosition } from '../../core/model/position.ts';
import type { NodeIdentity } from './node-identity.ts';
import type { Credit, StreamVariant } from './stream-session.ts';
import type { XdsType } from './xds-types.ts';

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
  const slot = ledgers.open(fleet, { nodeId, metricsName, envoyVersion, protocol, only });
  let progress = startOf(now());
  let open = true;
  const put = (next: StreamProgress, change: 'told' | 'noted') => {
    progress = next;
    if (open) ledgers.progress(fleet, slot, next, change);
  };
  const change = (type: XdsType, fields: Partial<TypeProgress>, what: 'told' | 'noted') => {
    // Once per stream and response: it copies and does no more. In order, so that streams that are equally far say so in
    // the same words.
    const types = [...progress.types];
    let i = types.findIndex((one) => one.type >= type);
    if (i < 0) i = types.length;
    const before = types[i];
    if (before?.type === type) types[i] = { ...before, ...fields };
    else types.splice(i, 0, { type, sent: null, acked: null, nack: null, ...fields });
    put({ ...progress, types }, what);
  };
  const refused = (type: XdsType) => progress.types.some((one) => one.type === type && one.nack !== null);
  return {
    asked: (type) => change(type, {}, 'noted'),
    sent: (type, version) => change(type, { sent: version }, 'noted'),
    acked: (type, version) =>
      change(type, { ...(version === null ? {} : { acked: version }), nack: null }, refused(type) ? 'told' : 'noted'),
    nacked: (type, nack) => change(type, { nack }, 'told'),
    credited({ position, counts, routes, routesAt }) {
      const same = counts === progress.counts && routes === progress.routes;
      if (same && samePosition(position, progress.position) && samePosition(routesAt, progress.routesAt)) return;
      put({ ...progress, position, counts, routes, routesAt, creditedAtMs: now() }, 'told');
    },
    closed() {
      if (!open) return;
      open = false;
      ledgers.close(fleet, slot);
    },
  };
}

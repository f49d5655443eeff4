import { z } from 'zod';
import { HostPortRecord, RevisionRecord, StickyArmsRecord } from './stored.ts';
import { HeaderChangesRecord, PinMatchRecord, RouteSpecRecord } from './stored-route.ts';
import type { TrafficOwner } from './traffic.ts';

/** Stored shapes of what Envoys are told. Loose: what a newer replica wrote beside the known fields survives. */
export const StoredTraffic = z.discriminatedUnion('kind', [
  z.looseObject({
    kind: z.literal('backend'),
    backend: z.string(),
    revisions: z.array(RevisionRecord),
    pinned: z.array(z.string()),
    split: z.array(z.looseObject({ cluster: z.string(), weight: z.number().int().min(0).max(10_000) })),
    variants: z.array(z.looseObject({ name: z.string(), cluster: z.string() })).exactOptional(),
    pins: z.array(z.looseObject({ matches: z.array(PinMatchRecord), cluster: z.string() })),
    endpoints: z.array(z.looseObject({ cluster: z.string(), addresses: z.array(HostPortRecord) })).exactOptional(),
    sticky: StickyArmsRecord.exactOptional(),
    mirror: z.looseObject({ cluster: z.string(), share: z.number().int().min(1).max(10_000) }).exactOptional(),
    colour: z
      .looseObject({ header: z.string(), arms: z.array(z.looseObject({ cluster: z.string(), value: z.string() })) })
      .exactOptional(),
    headers: z.looseObject({ clusters: z.array(z.string()), changes: HeaderChangesRecord }).exactOptional(),
    // Tables of earlier versions lack it.
    maxStreamMs: z.number().nonnegative().nullable().default(null),
  }),
  z.looseObject({
    kind: z.literal('listener'),
    listener: z.string(),
    address: z.string(),
    port: z.number().int().min(1).max(65_535),
  }),
  z.looseObject({
    kind: z.literal('route'),
    route: z.string(),
    spec: RouteSpecRecord,
  }),
]);

export function isOwner(name: string): name is TrafficOwner {
  return /^(?:route|backend|listener)\/./.test(name);
}

export const StoredTrial = z.looseObject({
  by: z.string().min(1),
  probe: z.string().min(1),
  changes: z.array(z.tuple([z.string().refine(isOwner), StoredTraffic.nullable()])),
});

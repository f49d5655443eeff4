import { z } from 'zod';
import { MAX_API_ADDRESSES } from '../../core/model/api-endpoints.ts';
import type { EndpointsView } from '../../engine/set-endpoints.ts';
import { iso } from './present.ts';

export const SetEndpointsBody = z.strictObject({
  revision: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/)
    .meta({ description: 'Its name; it need not have been rolled out yet.' }),
  endpoints: z
    .array(z.string().min(1).max(60))
    .max(MAX_API_ADDRESSES)
    .meta({ description: '`ip:port` each, all of them; none: the revision has no hosts any more.' }),
  rev: z.int().nonnegative().optional().meta({ description: 'As they were seen; one that has moved on is refused.' }),
  force: z.boolean().optional().meta({ description: 'Also none for a revision that has requests.' }),
});

export const EndpointsBody = z
  .object({
    backend: z.string(),
    rev: z.int().meta({ description: 'Grows with every change.' }),
    revisions: z.array(
      z.object({
        revision: z.string(),
        endpoints: z.array(z.string()),
        role: z.enum(['stable', 'canary', 'retired', 'none']).meta({ description: 'What Envoys have it as.' }),
        by: z.string().nullable(),
        at: z.iso.datetime().nullable(),
      }),
    ),
    warning: z
      .string()
      .nullable()
      .meta({ description: 'Of a `PUT`: what it does besides, as where no host has stayed that is known to be well.' }),
  })
  .meta({ id: 'BackendEndpoints' });
export type EndpointsBody = z.infer<typeof EndpointsBody>;

export function presentEndpoints({ backend, rev, revisions, warning }: EndpointsView): EndpointsBody {
  return {
    backend,
    rev,
    revisions: revisions.map(({ set, ...one }) => {
      return { ...one, endpoints: [...one.endpoints], by: set?.by ?? null, at: set === null ? null : iso(set.atMs) };
    }),
    warning: warning ?? null,
  };
}

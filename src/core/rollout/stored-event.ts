import { z } from 'zod';
import { Moment } from '../model/moment.ts';

// Loose: a newer replica may have written fields that this one does not know, and they must survive.
export const StoredNotice = z.looseObject({
  id: z.string(),
  rolloutId: z.string(),
  kind: z.string(),
  tone: z.string(),
  title: z.string(),
  fields: z.array(z.tuple([z.string(), z.string()])),
  atMs: Moment,
  earlier: z
    .looseObject({
      count: z.number(),
      updates: z.array(z.looseObject({ id: z.string(), kind: z.string(), title: z.string(), atMs: Moment })),
    })
    .optional(),
});

export const StoredEvent = z.looseObject({
  rolloutId: z.string(),
  type: z.string(),
  atMs: Moment,
  by: z.string(),
  phase: z.string(),
  step: z.number(),
  message: z.string(),
  data: z.looseObject({}),
});

import { z } from 'zod';
import type { RawEnvoy } from '../../model/raw-envoy.ts';
import { looksLike } from '../input-shape.ts';

/** A rule's is written once per match and per pin of a rollout. */
const MAX_BYTES = 16 * 1024;

/** What is inside is read by the protos, which only who has them can. */
export const rawEnvoy: z.ZodType<RawEnvoy> = looksLike(
  z
    .record(z.string(), z.unknown(), 'expected a mapping of fields as Envoy has them')
    .refine((value) => Object.keys(value).length > 0, 'expected at least one field')
    .refine((value) => JSON.stringify(value).length <= MAX_BYTES, 'expected at most 16 KiB'),
  { json: { type: 'object' } },
);

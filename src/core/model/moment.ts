import { z } from 'zod';

/** Epoch ms that a calendar knows: a record with another time would break whoever shows it. */
export const Moment = z.number().min(0).max(8_640_000_000_000_000);

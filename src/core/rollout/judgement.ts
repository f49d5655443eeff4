import { z } from 'zod';
import type { JudgeState } from '../analysis/judge.ts';
import { Point, type SeriesPoint } from '../analysis/verdict-series.ts';

/**
 * What a judge remembers of a rollout between looks. A record of its own, written in the commit of the look: the
 * rollout's own record is read and shown everywhere, and nobody but the judge understands this.
 */
export interface Judgement {
  /** Whose memory it is; another judge begins anew. Empty: of none, there is only what was concluded. */
  readonly judge: string;
  readonly state: JudgeState;
  /** The same of the other backends of a joint rollout, by name. @default it has none */
  readonly others?: Readonly<Record<string, JudgeState>>;
  /** What was concluded last, oldest first, and is not in the series yet. No judge reads it. @default nothing */
  readonly recent?: readonly SeriesPoint[];
}

/** Largest judgement, bytes of JSON without `recent`, whatever the number of Envoys: it is written at every look. Of each backend. */
export const MAX_JUDGEMENT_BYTES = 16 * 1024;

export const JudgementRecord: z.ZodType<Judgement> = z.looseObject({
  judge: z.string(),
  state: z.record(z.string(), z.unknown()),
  others: z.record(z.string(), z.record(z.string(), z.unknown())).exactOptional(),
  recent: z.array(Point).exactOptional(),
});

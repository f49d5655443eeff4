import type { EvidenceGap } from '../../core/analysis/judge.ts';

/** Why there is no evidence, and what the next question may make of that. */
export interface Gap {
  readonly kind: 'gap';
  readonly gap: EvidenceGap;
  readonly detail: string;
  /** The answer was too large; a question about less may be answered. */
  readonly tooLarge?: true;
  /** The server cannot keep up, whatever it was asked. */
  readonly strain?: Strain;
}

/** `retryAfter`: the header, if the server sent one. */
export interface Strain {
  readonly retryAfter: string | undefined;
}

export function gap(kind: EvidenceGap, detail: string): Gap {
  return { kind: 'gap', gap: kind, detail };
}

/** What came of one question. That nothing came is an answer, too: the gate stays shut. */
export interface HookAnswer {
  readonly kind: 'open' | 'wait' | 'reject' | 'failed';
  /** For people: what was said, or why nothing was. */
  readonly detail: string;
  /** Not to be asked again before, ms. @default as the plan says */
  readonly afterMs?: number;
}

/** An answer with the question that it is of. */
export interface GateAnswer {
  readonly attempt: number;
  readonly ask: number;
  readonly answer: HookAnswer;
}

import type { HookAnswer } from '../../core/rollout/hook-answer.ts';
import type { HookQuestion } from '../../core/rollout/hook-question.ts';

/** Who is asked before a step is left. Every outage and every odd answer is an answer: the gate stays shut. */
export interface Hooks {
  /** Names that plans may use under `webhook`. */
  targets(): readonly string[];
  /** Within the time of the question. `null`: this process ends and has not heard; another one asks the same again. */
  ask(question: HookQuestion): Promise<HookAnswer | null>;
}

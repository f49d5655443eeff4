import type { Result } from '../../core/model/errors.ts';
import type { RolloutBody } from '../api/schemas.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT } from './exit.ts';
import { rolloutLines } from './render.ts';

/** What came of a command: where the rollout stands now. */
export function showRollout({ terminal, json, failed }: CommandContext, result: Result<RolloutBody>): number {
  if (result.kind === 'error') return failed(result.errors);
  if (json()) terminal.json(result.value);
  else for (const line of rolloutLines(result.value, terminal.paint)) terminal.out(line);
  return EXIT.done;
}

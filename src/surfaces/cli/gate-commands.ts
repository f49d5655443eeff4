import type { Command } from 'commander';
import { fail, ok, type Result, type SerinError } from '../../core/model/errors.ts';
import type { CommandName } from '../api/command-schemas.ts';
import type { RolloutBody } from '../api/schemas.ts';
import type { CommandContext, Run } from './command-context.ts';
import { defined } from './defined.ts';
import { showRollout } from './show-rollout.ts';

interface GateOptions {
  readonly gate?: string;
  readonly hook?: string;
  readonly to?: string;
  readonly reason?: string;
  readonly force?: true;
}

type Gate = { readonly step: number; readonly attempt: number };

const REASON = ['--reason <text>', 'said in the history and to the notified'] as const;
const FORCE = ['--force', 'also where evidence is missing, or speaks against the canary'] as const;

/** What opens a gate or goes past it. Each names the step that the person saw; by default the one of this moment. */
export function gateCommands(rollout: Command, context: CommandContext, run: Run): void {
  const steer = (name: CommandName, text: string, seen: (r: RolloutBody) => Result<Gate>) =>
    rollout
      .command(name)
      .description(text)
      .argument('<id>')
      .option('--gate <step/attempt>', 'as shown by rollout get; refused if the rollout has moved on from there')
      .action((id: string, { gate: text, ...options }: GateOptions) =>
        run(async () => {
          const empty = emptyOption(options);
          if (empty !== null) return context.failed(empty);
          const gate = await gateOf(context, id, text, options.hook === undefined ? seen : ofStep);
          if (gate.kind === 'error') return context.failed(gate.errors);
          const body = { ...defined({ ...options }), gate: gate.value };
          return showRollout(context, await context.client().command(id, name, body));
        })(),
      );
  steer('approve', 'open the gate that you saw', ofApproval)
    .option('--hook <name>', 'the gate of this hook, in its place')
    .option(...REASON);
  steer('skip', 'leave the present step without waiting for its gates', ofStep)
    .option(...REASON)
    .option(...FORCE);
  steer('jump', 'go to another step, forward or back', ofStep)
    .requiredOption('--to <step>', 'its name, or its number from 1')
    .option(...REASON)
    .option(...FORCE);
}

/** The engine would say the same of its body, in words that no option has. */
function emptyOption({ to, hook }: GateOptions): readonly SerinError[] | null {
  if (to === '') return [invalid('--to names no step', 'Write its name, or its number from 1.')];
  return hook === '' ? [invalid('--hook names no hook', 'Write its name, as `serin rollout get` shows it.')] : null;
}

function invalid(message: string, hint: string): SerinError {
  return { code: 'SERIN_REQUEST_INVALID', message, hint };
}

async function gateOf(
  { client }: CommandContext,
  id: string,
  text: string | undefined,
  seen: (r: RolloutBody) => Result<Gate>,
): Promise<Result<Gate>> {
  if (text !== undefined) return parseGate(text);
  const read = await client().rollout(id);
  return read.kind === 'error' ? read : seen(read.value);
}

function parseGate(text: string): Result<Gate> {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  return match === null
    ? fail('SERIN_REQUEST_INVALID', `"${text}" is no gate`, { hint: 'Write it like 0/1.' })
    : ok({ step: Number(match[1]), attempt: Number(match[2]) });
}

function ofApproval({ id, gate, hook }: RolloutBody): Result<Gate> {
  if (gate !== null) return ok(gate);
  if (hook === null || hook.answer?.kind === 'open') {
    return fail('SERIN_GATE_CONFLICT', `rollout ${id} has no open gate`);
  }
  const message = `rollout ${id} has no gate that asks for an approval; it waits for hook ${hook.target}`;
  return fail('SERIN_GATE_CONFLICT', message, { hint: `To open that by hand: --hook ${hook.target}.` });
}

function ofStep({ id, phase, step, waitingFor }: RolloutBody): Result<Gate> {
  if (step !== null) return ok({ step: step.index, attempt: step.attempt });
  const begins = phase === 'pending' || phase === 'preparing';
  const hint = begins ? { hint: `Its first step has not begun: it waits for ${waitingFor}.` } : {};
  return fail('SERIN_PHASE_CONFLICT', `rollout ${id} is ${phase.replace('_', ' ')}; it is at no step`, hint);
}

import { peerReplay } from '../peer-replay.ts';
import { PEER_JUDGES, PeerJudgeSettings } from '../peer-tick-judges.ts';
import { judgeLine, type LogEvidence, recordLine } from '../sequential/judge-line.ts';
import { startJudging } from '../sequential/state.ts';
import { walk } from '../sequential/walk.ts';
import type { Recording } from './parse-recording.ts';
import { limitedPlan, peerPlan, sequentialSettings } from './replay-settings.ts';
import { thresholdReplay } from './threshold-replay.ts';

export const REPLAY_JUDGES = ['sequential', 'threshold', ...PEER_JUDGES] as const;
export type ReplayJudge = (typeof REPLAY_JUDGES)[number];

export interface ReplayTick {
  readonly t: number;
  /** Empty for judges that have no such thing. */
  readonly lnE: LogEvidence | Readonly<Record<string, never>>;
  readonly decision: 'hold' | 'advance' | 'rollback' | 'promote';
  readonly reason: string;
}

export interface ReplayOutcome {
  readonly outcome: 'promote' | 'rollback' | 'hold';
  readonly t: number;
}

/** Open loop: what was recorded is the truth about the traffic, and a verdict changes nothing but its end. */
export function* replay(recording: Recording, judge: ReplayJudge): Generator<ReplayTick, ReplayOutcome> {
  const { header, lines } = recording;
  const history = header.history ?? 0;
  const look = lookOf(recording, judge);
  const deadlineMs = header.plan.deadline ?? null;
  let t = lines.at(-1)?.t ?? 0;
  for (const [i, line] of lines.entries()) {
    const seen = look(line, i < history);
    if (i < history || seen === null) continue;
    const tick = { t: line.t, ...seen };
    yield tick;
    if (tick.decision === 'rollback' || tick.decision === 'promote') return { outcome: tick.decision, t: line.t };
    const beganMs = lines[history]?.t ?? line.t;
    t = line.t;
    if (deadlineMs !== null && line.t - beganMs >= deadlineMs) break;
  }
  return { outcome: 'hold', t };
}

type Look = (line: Recording['lines'][number], isHistory: boolean) => Omit<ReplayTick, 't'> | null;

function sequential({ header }: Recording): Look {
  const settings = sequentialSettings(header);
  const { read } = walk(settings);
  let state = startJudging(settings);
  return (recorded, isHistory) => {
    const line = read(recorded);
    if (isHistory) {
      state = recordLine(settings, state, line);
      return null;
    }
    const judged = judgeLine(settings, state, line);
    state = judged.state;
    return { lnE: judged.lnE, decision: judged.decision.kind, reason: judged.decision.reason };
  };
}

function lookOf(recording: Recording, judge: ReplayJudge): Look {
  if (judge === 'sequential') return sequential(recording);
  if (judge !== 'threshold') return peer(recording, judge);
  const look = thresholdReplay(limitedPlan(recording.header));
  return (line) => ({ lnE: {}, ...look(line) });
}

function peer({ header }: Recording, judge: (typeof PEER_JUDGES)[number]): Look {
  const settings = PeerJudgeSettings.parse(header.plan.judge ?? {});
  const look = peerReplay(judge, settings, peerPlan(header));
  return (line) => ({ lnE: {}, ...look(line) });
}

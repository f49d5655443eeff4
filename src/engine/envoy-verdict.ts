import { type Nack, nackSince } from '../core/fleet/liveness.ts';
import { hasReached } from '../core/model/position.ts';
import type { Position } from '../core/model/traffic.ts';
import type { Dependencies } from './dependencies.ts';

/** How long an apply waits for the connected Envoys to take or refuse it, ms. Silence is no refusal. */
const VERDICT_TIMEOUT_MS = 3_000;
const LOOK_EVERY_MS = 20;

/**
 * The first refusal of these fleet revisions by a connected Envoy, or `null` when all took them (or stay silent). What
 * was refused as part of somebody else's trial is no word about this change.
 *
 * @param by the trial that this change is tried out by; `null`: none
 * @param asked whose word counts; by default everybody's
 */
export async function envoyVerdict(
  { fleets, clock }: Dependencies,
  positions: Readonly<Record<string, Position>>,
  by: string | null = null,
  asked: (fleet: string, nodeId: string) => boolean = () => true,
): Promise<Nack | null> {
  const untilMs = clock.monotonicMs() + VERDICT_TIMEOUT_MS;
  for (;;) {
    let waiting = false;
    for (const [fleet, position] of Object.entries(positions)) {
      for (const node of fleets.state(fleet).nodes) {
        if (!node.connected || !asked(fleet, node.nodeId)) continue;
        const nack = nackSince(node, position, by);
        if (nack !== null) return nack;
        waiting ||= !hasReached(node.credited, position);
      }
    }
    if (!waiting || clock.monotonicMs() >= untilMs) return null;
    await new Promise<void>((resolve) => {
      clock.setTimer(LOOK_EVERY_MS, resolve);
    });
  }
}

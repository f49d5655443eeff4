import type { Nack } from '../core/fleet/liveness.ts';
import type { Position } from '../core/model/traffic.ts';
import type { Dependencies } from './dependencies.ts';

/** How long an apply waits for the connected Envoys to take or refuse it, ms. Silence is no refusal. */
const VERDICT_TIMEOUT_MS = 3_000;
const LOOK_EVERY_MS = 20;

/**
 * The first refusal of these fleet revisions by a connected Envoy, or `null` when all took them (or stay silent).
 *
 * @param asked whose word counts; by default everybody's
 */
export async function envoyVerdict(
  { fleets, clock }: Dependencies,
  positions: Readonly<Record<string, Position>>,
  asked: (fleet: string, nodeId: string) => boolean = () => true,
): Promise<Nack | null> {
  const untilMs = clock.monotonicMs() + VERDICT_TIMEOUT_MS;
  for (;;) {
    let waiting = false;
    for (const [fleet, position] of Object.entries(positions)) {
      for (const node of fleets.state(fleet).nodes) {
        if (!node.connected || !asked(fleet, node.nodeId)) continue;
        const { nack, credited, nodeId } = node;
        if (nack !== null && nack.position.epoch === position.epoch && nack.position.n >= position.n) {
          return { nodeId, type: nack.type, message: nack.message };
        }
        waiting ||= credited === null || credited.epoch !== position.epoch || credited.n < position.n;
      }
    }
    if (!waiting || clock.monotonicMs() >= untilMs) return null;
    await new Promise<void>((resolve) => {
      clock.setTimer(LOOK_EVERY_MS, resolve);
    });
  }
}

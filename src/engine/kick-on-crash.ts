import { crash, type LoadReport } from '../core/analysis/push-guard.ts';
import { partsOf } from '../core/rollout/joint.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { recentReports } from './observe.ts';
import type { Clock } from './ports/clock.ts';
import type { LoadReports } from './ports/load-reports.ts';
import type { WakeUps } from './ports/wake-ups.ts';

/** Reports of one push come from all Envoys within a moment, ms. */
const GATHER_MS = 50;

/**
 * Looks at a rollout as soon as the Envoys' reports say that its canary crashes, and only then: a report from every
 * Envoy every second must not cost a look each. A hint; every other look asks the guard as well.
 */
export function kickOnCrash(
  loadReports: LoadReports,
  judged: (fleet: string) => readonly Rollout[],
  wakeUps: Pick<WakeUps, 'kick'>,
  clock: Clock,
): () => void {
  const gathering = new Set<string>();
  return loadReports.onReport((fleet) => {
    if (gathering.has(fleet)) return;
    gathering.add(fleet);
    clock.setTimer(GATHER_MS, () => {
      gathering.delete(fleet);
      for (const rollout of judged(fleet)) {
        const reports = recentReports({ loadReports }, rollout, clock.now());
        if (reports.length > 0 && partsOf(rollout).some((part) => crashes(part, reports))) {
          wakeUps.kick(`rollout/${rollout.id}`);
        }
      }
    });
  });
}

function crashes({ stable, canary }: Rollout, reports: readonly LoadReport[]): boolean {
  return stable !== null && crash(reports, { stable: stable.cluster, canary: canary.cluster }) !== null;
}

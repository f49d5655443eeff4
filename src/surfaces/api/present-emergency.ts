import type { EmergencyReport, OpenEmergency } from '../../engine/emergency.ts';
import type { EmergencyBody, OpenEmergencyBody } from './emergency-schemas.ts';
import { iso } from './present.ts';

const MAX_NAMES = 200;

export function presentOpenEmergency({ decision, journal, held }: OpenEmergency): OpenEmergencyBody {
  const { backend, cluster, by, reason, atMs } = decision;
  return {
    ...{ backend, cluster, by, reason, at: iso(atMs), held },
    durable: journal.kind === 'durable',
    notDurableBecause: journal.kind === 'durable' ? null : journal.detail,
  };
}

export function presentEmergency(report: EmergencyReport): EmergencyBody {
  const envoys = (ids: readonly string[]) => ({ count: ids.length, names: ids.slice(0, MAX_NAMES) });
  return {
    ...presentOpenEmergency(report),
    fleets: report.fleets.map(({ fleet, confirmed, unconfirmed, elsewhere }) => ({
      fleet,
      confirmed: envoys(confirmed),
      unconfirmed: envoys(unconfirmed),
      elsewhere: envoys(elsewhere),
    })),
  };
}

import { fail, type Result } from '../../model/errors.ts';
import type { FleetTable } from '../../model/traffic.ts';
import { explainRequest, type RequestExplanation } from './explain-request.ts';
import type { SampleRequest } from './sample-request.ts';

/** In the fleet that is named; else in the only one that takes the request, or in the first one if none does. */
export function explainInFleets(
  tables: readonly FleetTable[],
  fleet: string | undefined,
  sample: SampleRequest,
): Result<RequestExplanation> {
  const names = tables.map((table) => table.fleet).join(', ');
  if (fleet !== undefined) {
    const named = tables.find((table) => table.fleet === fleet);
    return named === undefined
      ? fail('SERIN_NOT_FOUND', `there is no fleet ${fleet.slice(0, 80)}`, { hint: `Fleets: ${names}.` })
      : explainRequest(named, sample);
  }
  const all = tables.map((table) => explainRequest(table, sample));
  const [first] = all;
  if (first === undefined) return fail('SERIN_REQUEST_INVALID', 'there is no Route', { hint: 'Name a file with one.' });
  const taking = all.filter((told) => told.kind === 'ok' && told.value.host !== null);
  return taking.length > 1
    ? fail('SERIN_REQUEST_INVALID', 'several fleets take this request', { hint: `Name one by --fleet: ${names}.` })
    : (taking[0] ?? first);
}

import { z } from 'zod';

const name = z.string().min(1).max(253);
const time = z.iso.datetime();

export const EmergencyStableBody = z.strictObject({
  backend: name,
  reason: z.string().min(1).max(500).optional(),
  force: z
    .boolean()
    .default(false)
    .meta({ description: 'Also while the store takes commits: the Envoys of this replica do not wait for it.' }),
});
export const EmergencyEndBody = z.strictObject({ backend: name });

export const OpenEmergencyBody = z.object({
  backend: z.string(),
  cluster: z.string().meta({ description: 'The stable one, to which all requests go.' }),
  by: z.string(),
  reason: z.string(),
  at: time,
  durable: z.boolean().meta({ description: 'Is it in the journal of the replica? If not, a restart forgets it.' }),
  notDurableBecause: z.string().nullable(),
  held: z.string().nullable().meta({ description: 'Why only a person may end it; null: it ends by itself.' }),
});
export type OpenEmergencyBody = z.infer<typeof OpenEmergencyBody>;

const Envoys = z
  .object({ count: z.number().int(), names: z.array(z.string()) })
  .meta({ description: 'At most 200 names.' });

export const EmergencyBody = OpenEmergencyBody.extend({
  fleets: z.array(
    z.object({
      fleet: z.string(),
      confirmed: Envoys.meta({ description: 'Connected to this replica, all requests go to stable.' }),
      unconfirmed: Envoys.meta({ description: 'Connected to this replica; were told, and have not said so.' }),
      elsewhere: Envoys.meta({ description: 'Not connected to this replica: they were told nothing.' }),
    }),
  ),
}).meta({ id: 'Emergency' });
export type EmergencyBody = z.infer<typeof EmergencyBody>;

export const EmergencyList = z.object({ emergencies: z.array(OpenEmergencyBody) });
export type EmergencyList = z.infer<typeof EmergencyList>;

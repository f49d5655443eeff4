import type { FastifyReply } from 'fastify';
import type { EmergencyDesk } from '../../engine/emergency.ts';
import {
  EmergencyBody,
  EmergencyEndBody,
  EmergencyList,
  EmergencyStableBody,
  OpenEmergencyBody,
} from '../api/emergency-schemas.ts';
import { presentEmergency, presentOpenEmergency } from '../api/present-emergency.ts';
import { type Api, answer, type HttpOptions, send } from './http-api.ts';

/** What works without the store, at every replica that Envoys are connected to. */
export function emergencyRoutes(api: Api, { emergency }: HttpOptions): void {
  const atDesk = async (reply: FastifyReply, work: (desk: EmergencyDesk) => Promise<unknown>) => {
    if (emergency !== null) return (await work(emergency)) as never;
    const message = 'this replica has not the role xds: no Envoy is connected to it';
    const errors = [{ code: 'SERIN_NOT_FOUND', message, hint: 'Ask one that has it.' }] as const;
    return (await send(reply, errors, reply.request.id)) as never;
  };
  api.get(
    '/api/v1/emergency',
    { schema: { summary: 'Emergencies of this replica that are open.', response: { 200: EmergencyList } } },
    (_request, reply) => atDesk(reply, async (desk) => ({ emergencies: desk.open().map(presentOpenEmergency) })),
  );
  api.post(
    '/api/v1/emergency/stable',
    {
      schema: {
        summary: 'Without the store: all requests of a backend to stable, on the Envoys of this replica.',
        body: EmergencyStableBody,
        response: { 200: EmergencyBody },
      },
    },
    ({ body: { backend, force, reason = 'emergency' }, by }, reply) =>
      atDesk(reply, async (desk) => answer(reply, await desk.stable({ backend, force, reason, by }), presentEmergency)),
  );
  api.post(
    '/api/v1/emergency/end',
    {
      schema: {
        summary: 'End an emergency that is held.',
        body: EmergencyEndBody,
        response: { 200: OpenEmergencyBody },
      },
    },
    ({ body: { backend }, by }, reply) =>
      atDesk(reply, async (desk) => answer(reply, await desk.end({ backend, by }), presentOpenEmergency)),
  );
}

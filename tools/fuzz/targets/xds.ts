import { alone, boot, credited } from '../../../test/adapters/xds/rules/variants.ts';
import { stage } from '../../../test/adapters/xds/stage.ts';
import { frame, openH2Peer } from '../../../test/support/h2-peer.ts';
import { openXdsClient } from '../../../test/support/xds-client.ts';
import type { OpenTarget } from '../target.ts';

const PATIENCE_MS = 30;
/** After so many inputs a well-behaved Envoy has to be served as ever. */
const LOOK_EVERY = 100;

/** Discovery streams: gRPC messages of any bytes, and bytes that are no gRPC. */
const open: OpenTarget = async () => {
  const limits = { newStreamsPerSecond: 100_000, newStreamBurst: 100_000 };
  const server = await stage(alone(1), { limits });
  let runs = 0;
  const served = async (): Promise<string | null> => {
    const id = `neighbour-${runs}`;
    const client = openXdsClient({ port: server.server.port, node: { id, cluster: 'edge' } });
    try {
      await boot(client);
      await server.until('credit of the neighbour', credited(1, id));
      return null;
    } finally {
      client.close();
    }
  };
  return {
    async run(input) {
      runs += 1;
      const peer = openH2Peer(server.server.port);
      try {
        await new Promise<void>((done) => {
          const stream = peer.open();
          const timer = setTimeout(done, PATIENCE_MS);
          const end = () => {
            clearTimeout(timer);
            done();
          };
          stream.once('close', end);
          stream.resume();
          const body = input.subarray(1);
          stream.write((input[0] ?? 0) % 3 === 2 ? body : frame(body));
        });
      } finally {
        peer.close();
      }
      return runs % LOOK_EVERY === 0 ? await served() : null;
    },
    close: () => server.stop(),
  };
};
export default open;

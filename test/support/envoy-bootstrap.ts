import { readFileSync } from 'node:fs';

const SHIPPED = new URL('../../deploy/envoy/bootstrap.yaml', import.meta.url);

/** The bootstrap that Serin ships, on a test's own ports; every test with an Envoy is one of the file too. */
export function envoyBootstrap(options: {
  readonly nodeId: string;
  readonly fleet: string;
  readonly adminPort: number;
  readonly listenPort: number;
  readonly xdsPort: number;
}): string {
  const { nodeId, fleet, adminPort, listenPort, xdsPort } = options;
  return [
    ['port_value: 9901', `port_value: ${adminPort}`],
    ['port_value: 10000', `port_value: ${listenPort}`],
    ['port_value: 18000', `port_value: ${xdsPort}`],
    ['route_config_name: edge', `route_config_name: ${fleet}`],
  ].reduce(
    (text, [shipped = '', own = '']) => {
      if (text.split(shipped).length !== 2) throw new Error(`the bootstrap should say "${shipped}" once`);
      return text.replace(shipped, own);
    },
    `node: { id: "${nodeId}", cluster: "${fleet}" }\n${readFileSync(SHIPPED, 'utf8')}`,
  );
}

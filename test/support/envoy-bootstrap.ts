import { readFileSync } from 'node:fs';

const SHIPPED = new URL('../../deploy/envoy/bootstrap.yaml', import.meta.url);

/**
 * How the Envoy is told: all on one stream, in either protocol, or routes on a stream of their own; or all of it, where
 * to listen too.
 */
export type XdsMode = 'sotw' | 'delta' | 'own route stream' | 'listeners too';

const CDS = 'cds_config: { ads: {}, resource_api_version: V3 }';

const ADS_ROUTES = 'config_source: { ads: {}, resource_api_version: V3 }';
const OWN_ROUTES = `config_source:
                    resource_api_version: V3
                    api_config_source:
                      api_type: GRPC
                      transport_api_version: V3
                      grpc_services:
                        - envoy_grpc:
                            cluster_name: serin_xds
                            retry_policy: { retry_back_off: { base_interval: 0.2s, max_interval: 2s } }`;

/**
 * Envoys of the tests take a little less than those of everybody: so there is a pattern that Serin lets pass and Envoy
 * refuses. What else they allow a test may change while they run.
 */
const STRICT = '{ name: strict, static_layer: { re2: { max_program_size: { error_level: 95 } } } }';
const RUNTIME = `layered_runtime: { layers: [${STRICT}, { name: admin, admin_layer: {} }] }`;

/** As the value of a regular expression. */
export const REFUSED_PATTERN = 'a{96}';

/** The bootstrap that Serin ships, on a test's own ports; every test with an Envoy is one of the file too. */
export function envoyBootstrap(options: {
  readonly nodeId: string;
  readonly fleet: string;
  readonly adminPort: number;
  readonly listenPort: number;
  readonly xdsPort: number;
  readonly mode?: XdsMode;
}): string {
  const { nodeId, fleet, adminPort, listenPort, xdsPort, mode = 'sotw' } = options;
  const text = [
    ['port_value: 9901', `port_value: ${adminPort}`],
    ['port_value: 10000', `port_value: ${listenPort}`],
    ['port_value: 18000', `port_value: ${xdsPort}`],
    ['route_config_name: edge', `route_config_name: ${fleet}`],
    ['api_type: GRPC', mode === 'delta' ? 'api_type: DELTA_GRPC' : 'api_type: GRPC'],
    [ADS_ROUTES, mode === 'own route stream' ? OWN_ROUTES : ADS_ROUTES],
  ].reduce(
    (text, [shipped = '', own = '']) => {
      if (text.split(shipped).length !== 2) throw new Error(`the bootstrap should say "${shipped}" once`);
      return text.replace(shipped, own);
    },
    `node: { id: "${nodeId}", cluster: "${fleet}" }\n${RUNTIME}\n${readFileSync(SHIPPED, 'utf8')}`,
  );
  if (mode !== 'listeners too') return text;
  return text
    .replace(/^ {2}listeners:\n[\s\S]*?(?=^ {2}clusters:)/m, '')
    .replace(CDS, `${CDS}\n  lds_config: { ads: {}, resource_api_version: V3 }`);
}

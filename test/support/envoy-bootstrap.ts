/** What an Envoy needs to be driven by Serin: a listener of its own, clusters and routes over one stream. */
export function envoyBootstrap(options: {
  readonly nodeId: string;
  readonly fleet: string;
  readonly adminPort: number;
  readonly listenPort: number;
  readonly xdsPort: number;
}): string {
  const { nodeId, fleet, adminPort, listenPort, xdsPort } = options;
  return `node:
  id: ${nodeId}
  cluster: ${fleet}
admin:
  address: { socket_address: { address: 127.0.0.1, port_value: ${adminPort} } }
# Histograms are merged at every flush: fresh ones let a judge see a slow canary within a second.
stats_flush_interval: 1s
dynamic_resources:
  ads_config:
    api_type: GRPC
    transport_api_version: V3
    set_node_on_first_message_only: true
    grpc_services:
      - envoy_grpc:
          cluster_name: serin_xds
          # Without it a lost connection is tried again after up to 30 s.
          retry_policy: { retry_back_off: { base_interval: 0.2s, max_interval: 2s } }
  cds_config: { ads: {}, resource_api_version: V3 }
static_resources:
  listeners:
    - name: ingress
      address: { socket_address: { address: 127.0.0.1, port_value: ${listenPort} } }
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: ingress
                use_remote_address: true
                rds:
                  route_config_name: ${fleet}
                  config_source: { ads: {}, resource_api_version: V3 }
                http_filters:
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
    - name: serin_xds
      type: STATIC
      connect_timeout: 1s
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config:
            http2_protocol_options:
              # Notices a dead peer; otherwise a half-open connection looks connected for ever.
              connection_keepalive: { interval: 30s, timeout: 5s }
      load_assignment:
        cluster_name: serin_xds
        endpoints:
          - lb_endpoints:
              - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${xdsPort} } } }
`;
}

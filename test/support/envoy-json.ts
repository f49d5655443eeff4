import protojson from 'protobufjs/ext/protojson.js';
import type { Codec } from '../../src/adapters/xds/codec.ts';
import type { ProtoBundle } from '../../src/adapters/xds/proto-bundle.ts';
import type { RouteConfiguration } from '../../src/core/traffic/envoy-resources.ts';

/** A route table in Envoy's own JSON, made from the very bytes that an Envoy gets. */
export function envoyJson(protos: ProtoBundle, codec: Codec, config: RouteConfiguration): unknown {
  const { bytes } = codec.encodeResource('route', '', config);
  const message = protos.type('envoy.config.route.v3.RouteConfiguration');
  return protojson.toJson(message, message.decode(bytes));
}

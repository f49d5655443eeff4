import protojson from 'protobufjs/ext/protojson.js';
import { validateBootstrap } from './adapters/envoy/validate-bootstrap.ts';
import { createCodec, MESSAGE_OF } from './adapters/xds/codec.ts';
import { loadProtoBundle } from './adapters/xds/proto-bundle.ts';
import { readProtoJson } from './adapters/xds/read-proto-json.ts';
import type { XdsType } from './adapters/xds/xds-types.ts';
import type { ReadRawEnvoy } from './core/model/raw-envoy.ts';
import type { ResourcesJson } from './core/traffic/static-bootstrap.ts';
import type { CliContext } from './surfaces/cli/command-context.ts';

/** Part of the composition root: what the command line shows of Envoy's resources, and asks of an Envoy. */

/** Resources in Envoy's own JSON, made from the very bytes that an Envoy gets. */
export const envoyJson: CliContext['envoyJson'] = () => {
  const protos = loadProtoBundle();
  const codec = createCodec(protos, 'serin');
  return ({ listeners, clusters, endpoints, routes }) => {
    const json = (type: XdsType, all: readonly object[]) =>
      all.map((one) => {
        const message = protos.type(MESSAGE_OF[type]);
        const { bytes } = codec.encodeResource(type, '', one);
        return protojson.toJson(message, message.decode(bytes)) as ResourcesJson['routes'][number];
      });
    return {
      listeners: json('listener', listeners),
      clusters: json('cluster', clusters),
      endpoints: json('endpoint', endpoints),
      routes: json('route', routes),
    };
  };
};

/** What documents say in Envoy's own words. The protos are read when the first of them does. */
export function readRawEnvoy(): ReadRawEnvoy {
  let read: ReadRawEnvoy | null = null;
  return (message, json) => {
    read ??= readProtoJson(loadProtoBundle());
    return read(message, json);
  };
}

/** Asks an Envoy of this machine. */
export const askEnvoy: CliContext['askEnvoy'] = (bootstrap, { binary, signal }) =>
  validateBootstrap({ bootstrap, binary: binary ?? 'envoy', path: process.env.PATH ?? '', signal });

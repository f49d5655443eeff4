import type { RouteConfiguration, VirtualHost } from '../../core/traffic/envoy-resources.ts';
import { encodePlain } from './plain-message.ts';
import type { ProtoBundle } from './proto-bundle.ts';

/** Numbers of `RouteConfiguration.virtual_hosts` and `VirtualHost.routes`, as tags of fields with a length. */
const VIRTUAL_HOSTS = (2 << 3) | 2;
const ROUTES = (3 << 3) | 2;

/**
 * Encodes route tables piece by piece: a route that is the same object as before is not encoded again. The bytes are
 * those of the whole message, as its fields stand in the order of their numbers.
 */
export function routeTableEncoder(protos: ProtoBundle): (config: RouteConfiguration) => Buffer {
  const pieces = new WeakMap<object, Buffer>();
  const encode = (type: string, value: object): Buffer =>
    Buffer.from(encodePlain(protos, `envoy.config.route.v3.${type}`, value));
  const once = (value: object, make: () => Buffer): Buffer => {
    const known = pieces.get(value);
    if (known !== undefined) return known;
    const made = make();
    pieces.set(value, made);
    return made;
  };
  const hostOf = (host: VirtualHost): Buffer =>
    once(host, () => {
      const { name, domains, routes, ...rest } = host;
      const parts = routes.map((route) => once(route, () => encode('Route', route)));
      return joined(encode('VirtualHost', { name, domains }), ROUTES, parts, encode('VirtualHost', rest));
    });
  return ({ name, virtualHosts, ...rest }) =>
    joined(
      encode('RouteConfiguration', { name }),
      VIRTUAL_HOSTS,
      virtualHosts.map(hostOf),
      encode('RouteConfiguration', rest),
    );
}

/** Head, then each part behind tag and length, then tail; one allocation. */
function joined(head: Buffer, tag: number, parts: readonly Buffer[], tail: Buffer): Buffer {
  let size = head.length + tail.length;
  for (const part of parts) size += 1 + lengthOfVarint(part.length) + part.length;
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = head.copy(bytes, 0);
  for (const part of parts) {
    bytes[at] = tag;
    at = writeVarint(bytes, at + 1, part.length);
    at += part.copy(bytes, at);
  }
  tail.copy(bytes, at);
  return bytes;
}

function lengthOfVarint(value: number): number {
  let bytes = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes += 1;
  return bytes;
}

function writeVarint(into: Buffer, at: number, value: number): number {
  let rest = value;
  let to = at;
  while (rest > 0x7f) {
    into[to] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
    to += 1;
  }
  into[to] = rest;
  return to + 1;
}

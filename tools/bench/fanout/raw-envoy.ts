import { connect, constants } from 'node:http2';
import { loadProtoBundle } from '../../../src/adapters/xds/proto-bundle.ts';
import { TYPE_URLS, type XdsType, xdsTypeOf } from '../../../src/adapters/xds/xds-types.ts';

const request = loadProtoBundle().type('envoy.service.discovery.v3.DiscoveryRequest');
/** As Envoy has it: the default of 64 KiB would wait for window updates in the middle of a table. */
const WINDOW = 16 * 1024 * 1024;
const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';

export interface RawEnvoy {
  readonly port: number;
  readonly nodeId: string;
  readonly fleet: string;
  /** What it asks for, one after the other, and by which names. */
  readonly types: readonly (readonly [XdsType, readonly string[]])[];
  /** Has the first resources of the last type. */
  readonly onReady: () => void;
  readonly onError: (error: Error) => void;
}

/** An Envoy over bare HTTP/2, on a connection of its own: takes and ACKs all that comes, and looks at nothing. */
export function openRawEnvoy({ port, nodeId, fleet, types, onReady, onError }: RawEnvoy): void {
  const names = new Map(types);
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: WINDOW } });
  session.on('connect', () => session.setLocalWindowSize(WINDOW));
  session.on('error', onError);
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: PATH,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', onError);
  const asked = new Set<XdsType>();
  const ask = (type: XdsType, more: object) => {
    stream.write(frame({ typeUrl: TYPE_URLS[type], resourceNames: names.get(type) ?? [], ...more }));
  };
  const answer = ({ version, typeUrl, nonce }: Head) => {
    const type = xdsTypeOf(typeUrl);
    if (type === null) return;
    ask(type, { versionInfo: version, responseNonce: nonce });
    if (asked.has(type)) return;
    asked.add(type);
    const next = types[types.findIndex(([each]) => each === type) + 1];
    if (next === undefined) onReady();
    else ask(next[0], {});
  };
  let pending: Buffer[] = [];
  let size = 0;
  let wanted = 5;
  stream.on('data', (chunk: Buffer) => {
    pending.push(chunk);
    size += chunk.length;
    while (size >= wanted) {
      const all = pending.length === 1 ? (pending[0] ?? Buffer.alloc(0)) : Buffer.concat(pending);
      const end = 5 + all.readUInt32BE(1);
      pending = [all];
      wanted = end;
      if (all.length < end) return;
      answer(headOf(all.subarray(5, end)));
      pending = [all.subarray(end)];
      size = all.length - end;
      wanted = 5;
    }
  });
  const [first] = types;
  if (first !== undefined) ask(first[0], { node: { id: nodeId, cluster: fleet } });
}

function frame(fields: object): Buffer {
  const body = request.encode(request.fromObject(fields)).finish();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

interface Head {
  readonly version: string;
  readonly typeUrl: string;
  readonly nonce: string;
}

/** The texts of a DiscoveryResponse: version_info 1, type_url 4, nonce 5; all else is skipped. */
function headOf(message: Buffer): Head {
  const texts = new Map<number, string>();
  let at = 0;
  const varint = (): number => {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = message[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
      shift += 7;
    }
  };
  while (at < message.length) {
    const key = varint();
    if ((key & 7) === 0) varint();
    else {
      const length = varint();
      const field = key >>> 3;
      if (field !== 2 && field !== 6) texts.set(field, message.toString('utf8', at, at + length));
      at += length;
    }
  }
  return { version: texts.get(1) ?? '', typeUrl: texts.get(4) ?? '', nonce: texts.get(5) ?? '' };
}

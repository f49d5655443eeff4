import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';

/** A bare HTTP/2 peer: what gRPC clients hide, and what they would never do. */
export interface H2Peer {
  readonly session: ClientHttp2Session;
  /** Opens a discovery stream, and sends nothing on it. */
  open(): ClientHttp2Stream;
  /** Resolves with the code of the first GOAWAY. */
  readonly goaway: Promise<number>;
  readonly closed: Promise<void>;
  close(): void;
}

const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';

/** @param windowBytes what the server may send on a stream before this peer, which never reads, makes room */
export function openH2Peer(port: number, windowBytes?: number): H2Peer {
  const settings = windowBytes === undefined ? {} : { settings: { initialWindowSize: windowBytes } };
  const session = connect(`http://127.0.0.1:${port}`, settings);
  session.on('error', () => {});
  return {
    session,
    open() {
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: PATH,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      stream.on('error', () => {});
      return stream;
    },
    goaway: new Promise((resolve) => session.once('goaway', resolve)),
    closed: new Promise((resolve) => session.once('close', () => resolve())),
    close: () => session.destroy(),
  };
}

/** The gRPC status of a stream, once the server has ended it; `null`: it was cut off. This side then ends, too. */
export function statusOf(stream: ClientHttp2Stream): Promise<number | null> {
  return new Promise((resolve) => {
    const take = (headers: Readonly<Record<string, unknown>>) => {
      if (headers['grpc-status'] === undefined) return;
      resolve(Number(headers['grpc-status']));
      stream.end();
    };
    stream.on('response', take);
    stream.on('trailers', take);
    stream.once('close', () => resolve(null));
    stream.resume();
  });
}

/** One gRPC message. */
export function frame(body: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

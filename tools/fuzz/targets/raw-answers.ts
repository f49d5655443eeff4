import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';

/** A server that answers every request with the same bytes, whatever they are, and hangs up. */
export async function rawAnswers(): Promise<{ readonly port: number; say(bytes: Buffer): void; close(): void }> {
  let answer: Uint8Array = new Uint8Array();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    socket.once('data', () => socket.end(answer));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    port: (server.address() as AddressInfo).port,
    say: (bytes) => {
      answer = bytes;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** HTTP around a body, for the half of the inputs that are to be read as one. */
export function asHttp(body: Buffer, type: string): Buffer {
  const head = `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/** By the host, so that people know where to look; never used again, so that nobody is taken for another. */
export function replicaName(host: string = hostname()): string {
  const plain = host.replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 63);
  return `${plain === '' ? 'serin' : plain}~${randomBytes(6).toString('hex')}`;
}

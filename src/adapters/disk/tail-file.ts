import { rename, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type KeptCommit, linkHash } from '../../core/chain/kept-commit.ts';
import type { Clock } from '../../engine/ports/clock.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import { appendLine, diskReason, makeFolder, readBounded } from './files.ts';
import { spacedWrites } from './spaced-writes.ts';

/** The last commits of the store, over the restarts of a replica. */
export interface TailFile {
  /** Oldest first; what cannot be read is left out. */
  load(): Promise<readonly KeptCommit[]>;
  /** Is on the disk soon; nobody waits for it. */
  keep(commit: KeptCommit): void;
  onFailure(listener: () => void): void;
  /** Writes what is still to be written. */
  close(): Promise<void>;
}

export interface TailFileOptions {
  readonly folder: string;
  /** So much at least is kept, twice as much at most. */
  readonly bytes: number;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  readonly logger: Logger;
}

const EVERY_MS = 250;
/** While a disk does not take them so many bytes wait. Then there is a gap, behind which a new tail begins. */
const MAX_WAITING = 16 * 1024 * 1024;

/** `tail`, and `tail.old` with what came before it: a line about each commit, then what it says. */
export function tailFile({ folder, bytes, clock, logger }: TailFileOptions): TailFile {
  const path = join(folder, 'tail');
  let size = 0;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;

  const bound = () => {
    if (waitingBytes > MAX_WAITING) [waiting, waitingBytes] = [[], 0];
  };
  const write = async () => {
    const batch = Buffer.concat(waiting);
    [waiting, waitingBytes] = [[], 0];
    try {
      await makeFolder(folder);
      if (size >= bytes) await rename(path, `${path}.old`);
      if (size >= bytes) size = 0;
      await appendLine(path, batch);
      size += batch.byteLength;
    } catch (error) {
      [waiting, waitingBytes] = [[batch, ...waiting], waitingBytes + batch.byteLength];
      bound();
      throw error;
    }
  };
  const writes = spacedWrites({
    ...{ path, everyMs: EVERY_MS, isDue: () => waiting.length > 0, write, clock, logger },
    says: { failed: 'the tail of commits cannot be written', again: 'the tail of commits is written again' },
  });
  const read = async (from: string): Promise<{ readonly commits: readonly KeptCommit[]; readonly size: number }> => {
    try {
      const raw = (await readBounded(from, 2 * bytes + MAX_WAITING)) ?? Buffer.alloc(0);
      const found = parse(raw);
      // What follows is torn or damaged, and would hide what is added behind it.
      if (found.size < raw.byteLength) {
        logger.warn('the tail of commits ends early', { path: from, lostBytes: raw.byteLength - found.size });
        await truncate(from, found.size);
      }
      return found;
    } catch (error) {
      writes.failed();
      logger.error('the tail of commits cannot be read', { path: from, detail: diskReason(error) });
      return { commits: [], size: 0 };
    }
  };
  return {
    async load() {
      const old = await read(`${path}.old`);
      const now = await read(path);
      size = now.size;
      return [...old.commits, ...now.commits];
    },
    keep(commit) {
      const frame = frameOf(commit);
      waiting.push(frame);
      waitingBytes += frame.byteLength;
      bound();
      writes.arm();
    },
    onFailure: writes.onFailure,
    close: writes.close,
  };
}

const NEWLINE = 10;
const count = z.number().int().min(0);
const About = z.tuple([count, z.string(), z.string(), z.string(), z.string(), z.string(), z.string(), count]);

function frameOf({ n, epoch, prev, hash, nonce, atUs, outcome, content }: KeptCommit): Buffer {
  const about = JSON.stringify([n, epoch, prev, hash, nonce, atUs, outcome, content.byteLength]);
  return Buffer.concat([Buffer.from(`${about}\n`), content, Buffer.from('\n')]);
}

/** All whole commits from the beginning on, and how many bytes those are. The links say themselves whether they hold. */
function parse(raw: Buffer): { readonly commits: readonly KeptCommit[]; readonly size: number } {
  const commits: KeptCommit[] = [];
  let size = 0;
  for (let end = raw.indexOf(NEWLINE); end !== -1; end = raw.indexOf(NEWLINE, size)) {
    const about = aboutOf(raw.toString('utf8', size, end));
    if (about === null) break;
    const { length, ...link } = about;
    const after = end + 1 + length;
    // A copy, so that the whole file is not kept with it.
    const commit = { ...link, content: new Uint8Array(raw.subarray(end + 1, after)) };
    if (raw[after] !== NEWLINE || linkHash(commit) !== commit.hash) break;
    commits.push(commit);
    size = after + 1;
  }
  return { commits, size };
}

function aboutOf(line: string): (Omit<KeptCommit, 'content'> & { readonly length: number }) | null {
  try {
    const [n, epoch, prev, hash, nonce, atUs, outcome, length] = About.parse(JSON.parse(line));
    return { n, epoch, prev, hash, nonce, atUs, outcome, length };
  } catch {
    return null;
  }
}

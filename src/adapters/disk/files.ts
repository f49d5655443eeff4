import { type FileHandle, mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** For the few files of a replica: 0600, in a folder of 0700, on the disk before anybody is told. */
const FILE_MODE = 0o600;

export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

/** The text of a small file, as `readBounded` reads it. */
export async function readSmall(path: string, maxBytes: number): Promise<string | null> {
  return (await readBounded(path, maxBytes))?.toString('utf8') ?? null;
}

/** What is in a file; `null`: there is none. Rejects for whatever is no file, or too large to be one of ours. */
export async function readBounded(path: string, maxBytes: number): Promise<Buffer | null> {
  const found = await stat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  });
  if (found === null) return null;
  // A device may have no end.
  if (!found.isFile()) throw new Error('it is no file');
  if (found.size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`);
  return readFile(path);
}

/** Whole or not at all, whatever happens meanwhile. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  await withHandle(draft, 'w', async (file) => {
    await file.writeFile(text);
    await file.sync();
  });
  await rename(draft, path);
  await syncFolder(path);
}

/** Adds at the end; what could not be written whole is cut off again, so that the next line stands by itself. */
export async function appendLine(path: string, line: string | Uint8Array): Promise<void> {
  let isNew = false;
  await withHandle(path, 'a', async (file) => {
    const { size } = await file.stat();
    isNew = size === 0;
    try {
      await file.writeFile(line);
      await file.datasync();
    } catch (error) {
      await file.truncate(size).catch(() => {});
      throw error;
    }
  });
  if (isNew) await syncFolder(path);
}

async function withHandle(path: string, flags: 'a' | 'w', work: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags, FILE_MODE);
  try {
    const found = await file.stat();
    if (found.isFile() && (found.mode & 0o777) !== FILE_MODE) await file.chmod(FILE_MODE);
    await work(file);
  } finally {
    await file.close();
  }
}

/** A name is on the disk once its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** For logs and people: what the disk said, without the path. */
export function diskReason(error: unknown): string {
  const code = codeOf(error);
  const known: Readonly<Record<string, string>> = {
    ENOSPC: 'the disk is full',
    EDQUOT: 'the quota is used up',
    EFBIG: 'the file may not grow',
    EROFS: 'the disk is read-only',
    EACCES: 'it is not allowed',
    ENOTDIR: 'a part of the path is no folder',
  };
  return known[code] ?? (code === '' && error instanceof Error ? error.message.slice(0, 200) : code || 'unknown');
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

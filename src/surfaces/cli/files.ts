import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../core/model/errors.ts';

const MAX_FILES = 200;
/** Larger files are refused unread; the parser's own limit is lower. */
const MAX_BYTES = 1024 * 1024;

interface Source {
  readonly file: string;
  readonly text: string;
}

/** Files, folders (their `*.yaml` and `*.yml`, by name) and `-` (standard input) as sources. */
export function readSources(paths: readonly string[], readStdin: () => string): Result<readonly Source[]> {
  const sources: Source[] = [];
  for (const path of paths) {
    if (path === '-') {
      sources.push({ file: '-', text: readStdin() });
      continue;
    }
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined)
      return fail('SERIN_REQUEST_INVALID', `there is no file ${path}`, { hint: 'Check the path.' });
    const files = stat.isDirectory()
      ? readdirSync(path)
          .filter((name) => /\.ya?ml$/.test(name))
          .sort()
          .map((name) => join(path, name))
      : [path];
    if (files.length === 0)
      return fail('SERIN_REQUEST_INVALID', `there is no YAML file in ${path}`, { hint: 'Check the path.' });
    for (const file of files) {
      if (statSync(file).size > MAX_BYTES) return fail('SERIN_YAML_TOO_LARGE', `${file} is larger than 256 KiB`);
      sources.push({ file, text: readFileSync(file, 'utf8') });
    }
  }
  if (sources.length > MAX_FILES)
    return fail('SERIN_REQUEST_INVALID', `more than ${MAX_FILES} files`, { hint: 'Apply them in parts.' });
  return ok(sources);
}

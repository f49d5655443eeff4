import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../core/model/errors.ts';

const MAX_FILES = 200;
/** The parser's own limit. Larger files are refused unread, and by name: the engine knows only their number. */
const MAX_BYTES = 256 * 1024;

interface Source {
  readonly file: string;
  readonly text: string;
}

/** Files, folders (their `*.yaml` and `*.yml`, by name) and `-` (standard input) as sources. */
export function readSources(paths: readonly string[], readStdin: () => string): Result<readonly Source[]> {
  const sources: Source[] = [];
  for (const path of paths) {
    const files = filesOf(path);
    if (files.kind === 'error') return files;
    for (const file of files.value) {
      const source = readSource(file, readStdin);
      if (source.kind === 'error') return source;
      sources.push(source.value);
    }
  }
  if (sources.length > MAX_FILES)
    return fail('SERIN_REQUEST_INVALID', `more than ${MAX_FILES} files`, { hint: 'Apply them in parts.' });
  return ok(sources);
}

function filesOf(path: string): Result<readonly string[]> {
  if (path === '-') return ok([path]);
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return refused(`there is no file ${path}`);
    if (!stat.isDirectory()) return ok([path]);
    const files = readdirSync(path, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && /\.ya?ml$/.test(entry.name))
      .map(({ name }) => join(path, name))
      .sort();
    return files.length === 0 ? refused(`there is no YAML file in ${path}`) : ok(files);
  } catch {
    return refused(`${path} cannot be read`);
  }
}

function readSource(file: string, readStdin: () => string): Result<Source> {
  try {
    if (file === '-') return ok({ file, text: readStdin() });
    if (statSync(file).size > MAX_BYTES) return fail('SERIN_YAML_TOO_LARGE', `${file} is larger than 256 KiB`);
    return ok({ file, text: readFileSync(file, 'utf8') });
  } catch {
    return refused(`${file === '-' ? 'standard input' : file} cannot be read`);
  }
}

function refused(message: string) {
  return fail('SERIN_REQUEST_INVALID', message, { hint: 'Check the path.' });
}

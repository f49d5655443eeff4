import { readFileSync, statSync } from 'node:fs';
import { fail, ok, type Result } from '../../core/model/errors.ts';

const MIB = 1024 * 1024;

/** The text of one file, or of standard input (`-`), up to its bound. */
export function readAnalysisFile(file: string, readStdin: () => string, maxMib: number): Result<string> {
  const tooLarge = () => fail('SERIN_ANALYSIS_FILE_INVALID', `${file} is larger than ${maxMib} MiB`);
  try {
    if (file !== '-' && statSync(file).size > maxMib * MIB) return tooLarge();
    const text = file === '-' ? readStdin() : readFileSync(file, 'utf8');
    return text.length > maxMib * MIB ? tooLarge() : ok(text);
  } catch {
    const message = `${file === '-' ? 'standard input' : file} cannot be read`;
    return fail('SERIN_REQUEST_INVALID', message, { hint: 'Check the path.' });
  }
}

// Module hooks: changes one source file while it is loaded (see bugs.ts).
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/core';

let bug = null;

export function initialize(data) {
  bug = data;
}

export async function load(url, context, next) {
  if (bug === null || !url.startsWith('file:')) return next(url, context);
  const path = fileURLToPath(url.split('?')[0]);
  if (!path.endsWith(bug.file)) return next(url, context);
  const text = readFileSync(path, 'utf8');
  if (text.split(bug.find).length !== 2) throw new Error(`the place of bug ${bug.name} is not in ${bug.file} once`);
  const { code } = transformSync(
    text.replace(bug.find, () => bug.replace),
    {
      filename: path,
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    },
  );
  return { format: 'module', shortCircuit: true, source: code };
}

import { ERRORS } from '../../src/core/model/errors.ts';
import { table } from './table.ts';

const HEAD = `# Errors

Every error has a code, a message that says what is wrong, and a hint. The hints below are those of the catalogue; where
something more exact is known, the error brings its own. How errors look: [on the command line](documents.md#errors) and
[over HTTP](api.md#errors). What the exit codes mean: [cli.md](cli.md#exit-codes).

This page is generated from \`src/core/model/errors.ts\` with \`npm run docs\`.
`;

/** `docs/errors.md`, formatted as biome would. */
export function renderErrors(): string {
  const rows = Object.entries(ERRORS).map(([code, { status, exit, hint }]) => [
    `\`${code}\``,
    String(status),
    String(exit),
    cell(hint),
  ]);
  return `${HEAD}\n${table(['code', 'HTTP', 'exit', 'what to do'], rows)}\n`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

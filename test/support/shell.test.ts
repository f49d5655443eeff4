import { expect, it } from 'vitest';
import { shellCommands } from './shell.ts';

it.each([
  ['words', 'a b  c\nd', [['a', 'b', 'c'], ['d']]],
  ['quotes', `a 'b c' "d e" f'g'"h"`, [['a', 'b c', 'd e', 'fgh']]],
  ['a comment, and a # inside of a word', 'a b # c\nd#e', [['a', 'b'], ['d#e']]],
  ['a line that goes on', 'a b \\\n  c', [['a', 'b', 'c']]],
  ['operators', 'a; b && c | d & e', [['a'], ['b'], ['c'], ['d'], ['e']]],
  ['redirections', 'a > out 2> /dev/null < in b', [['a', 'b']]],
  ['variables as they stand', 'a "$ID" $X', [['a', '$ID', '$X']]],
  ['assignments before a command', 'X="1 2" a; Y=3', [['a']]],
  [
    'a command inside of a word',
    'a "$(b -c d)" e',
    [
      ['b', '-c', 'd'],
      ['a', '$(b -c d)', 'e'],
    ],
  ],
  ['the text of a here-document is none', "a <<'END'\nb c\nEND\nd", [['a'], ['d']]],
  [
    'loops',
    'for i in $(seq 2); do a $i; done',
    [
      ['seq', '2'],
      ['a', '$i'],
    ],
  ],
  ['loops over a command', 'while sleep 1; do a; done', [['sleep', '1'], ['a']]],
  ['branches', 'case $x in\n  0) a ;;\n  1 | 2) b; c ;;\n  *) d ;;\nesac\ne', [['a'], ['b'], ['c'], ['d'], ['e']]],
  ['a group', '(a; b) c', [['a'], ['b'], ['c']]],
])('%s', (_, script, commands) => {
  expect(shellCommands(script)).toEqual(commands);
});

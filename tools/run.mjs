#!/usr/bin/env node
// Entry of `npm test` and `npm run demo`: plain Node, because it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { fetchBinaries } from './setup/binaries.mjs';
import { installPackages } from './setup/packages.mjs';

const [task, ...rest] = process.argv.slice(2);
const TASKS = { test: ['tools/checks.ts'], demo: ['tools/demo/main.ts'] };
const script = TASKS[task];
if (script === undefined) {
  console.error(`usage: node tools/run.mjs ${Object.keys(TASKS).join('|')}`);
  process.exit(2);
}
installPackages();
await fetchBinaries();
const child = spawnSync(process.execPath, ['--import', 'tsx', ...script, ...rest], { stdio: 'inherit' });
process.exit(child.status ?? 1);

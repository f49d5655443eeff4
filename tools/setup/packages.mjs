import { existsSync, readFileSync } from 'node:fs';
import { runCommand } from './run-command.mjs';

/** npm's own note of what it has installed, whoever asked for it. */
const INSTALLED = 'node_modules/.package-lock.json';

/** `npm ci`, unless what is installed is what the lock file says. */
export async function installPackages(stop) {
  if (isInstalled()) return;
  console.error('installing packages …');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  if (await runCommand(npm, args, { stop, timeout: 600_000 })) return;
  console.error('npm ci failed; see above');
  process.exit(1);
}

/** Packages for other machines are missing on this one; they are marked as optional. */
function isInstalled() {
  if (!existsSync(INSTALLED)) return false;
  try {
    const [wanted, have] = ['package-lock.json', INSTALLED].map(
      (file) => JSON.parse(readFileSync(file, 'utf8')).packages,
    );
    return Object.entries(wanted).every(([path, { integrity, optional }]) => {
      if (path === '') return true;
      return have[path] === undefined ? optional === true : have[path].integrity === integrity;
    });
  } catch {
    return false;
  }
}

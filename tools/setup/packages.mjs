import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** npm's own note of what it has installed, whoever asked for it. */
const INSTALLED = 'node_modules/.package-lock.json';

/** `npm ci`, unless what is installed is what the lock file says. */
export function installPackages() {
  if (isInstalled()) return;
  console.error('installing packages …');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const done = spawnSync(npm, ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    stdio: ['ignore', 2, 2],
    timeout: 600_000,
  });
  if (done.status === 0) return;
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

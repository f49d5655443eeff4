import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseDocuments } from '../../src/core/manifest/parse-documents.ts';
import { parseConfig } from '../../src/platform/config.ts';
import { shippedStrategies } from '../../src/platform/strategy-files.ts';
import { binaryPath } from '../support/binaries.ts';

const read = (file: string): string => readFileSync(file, 'utf8');

describe('what a reader finds in deploy/', () => {
  it.each(['deploy/envoy/bootstrap.yaml', 'deploy/compose/envoy.yaml'])('%s is one that Envoy takes', (file) => {
    const args = ['--mode', 'validate', '-c', file, '--service-node', 'edge-1', '--service-cluster', 'edge'];
    const run = spawnSync(binaryPath('envoy'), args, { encoding: 'utf8', timeout: 20_000 });
    expect(run.stderr + run.stdout).toContain(`configuration '${file}' OK`);
    expect(run.status).toBe(0);
  });

  it.each(['deploy/prometheus.yml', 'deploy/compose/prometheus.yml'])('%s is one that Prometheus takes', (file) => {
    const run = spawnSync(binaryPath('promtool'), ['check', 'config', file], { encoding: 'utf8', timeout: 20_000 });
    expect(run.stderr + run.stdout).toContain('SUCCESS');
    expect(run.status).toBe(0);
  });

  it.each(['deploy/serin.yaml', 'deploy/compose/serin.yaml'])('%s is one that Serin takes', (file) => {
    const env = { SERIN_REDIS: 'redis://127.0.0.1:6379' };
    expect(parseConfig({ file, text: read(file), env, needRedis: true })).toMatchObject({ kind: 'ok' });
  });

  it('has an example that parses', () => {
    const file = 'deploy/examples/shop.yaml';
    expect(parseDocuments([{ file, text: read(file) }], shippedStrategies())).toMatchObject({ kind: 'ok' });
  });

  it('gives the containers the same bootstrap and scrape configuration, but for addresses', () => {
    const withoutAddresses = (file: string): string =>
      JSON.stringify(load(read(file))).replaceAll(/"address":"[^"]*"|"(127\.0\.0\.1|envoy):9901"/g, '');
    expect(withoutAddresses('deploy/compose/envoy.yaml')).toBe(withoutAddresses('deploy/envoy/bootstrap.yaml'));
    expect(withoutAddresses('deploy/compose/prometheus.yml')).toBe(withoutAddresses('deploy/prometheus.yml'));
  });
});

const Compose = z.object({
  services: z.record(
    z.string(),
    z.object({
      image: z.string().optional(),
      build: z.object({ context: z.string(), dockerfile: z.string() }).optional(),
      volumes: z.array(z.string()).optional(),
      ports: z.array(z.string()).optional(),
      depends_on: z.array(z.string()).optional(),
    }),
  ),
  volumes: z.record(z.string(), z.unknown()),
});

describe('deploy/compose.yaml', () => {
  const compose = Compose.parse(load(read('deploy/compose.yaml')));
  const services = Object.entries(compose.services);

  it('mounts files that exist, or volumes that it declares', () => {
    const mounts = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] ?? ''));
    expect(mounts.length).toBeGreaterThan(0);
    const missing = mounts.filter((from) =>
      from.startsWith('.') ? !existsSync(join('deploy', from)) : !(from in compose.volumes),
    );
    expect(missing).toEqual([]);
  });

  it('waits for services that it has, and its files name services that it has', () => {
    const names = new Set(services.map(([name]) => name));
    for (const [, { depends_on = [] }] of services) for (const name of depends_on) expect(names).toContain(name);
    const files = ['serin.yaml', 'prometheus.yml', 'envoy.yaml'].map((file) => read(`deploy/compose/${file}`)).join('');
    for (const name of ['redis', 'prometheus', 'envoy', 'serin']) {
      expect(files).toMatch(new RegExp(`(//|\\["|address: )${name}[:,]`));
      expect(names).toContain(name);
    }
    expect(names).toContain('shop-v1');
  });

  it('pins every image, and publishes on loopback alone', () => {
    for (const [, { image, ports = [] }] of services) {
      if (image !== undefined) expect(image).toMatch(/:v?\d+\.\d+\.\d+$/);
      for (const published of ports) expect(published).toMatch(/^127\.0\.0\.1:/);
    }
  });
});

describe('deploy/Dockerfile', () => {
  const dockerfile = read('deploy/Dockerfile');

  it('copies what exists, and nothing that .dockerignore holds back', () => {
    const held = new Set(read('.dockerignore').split('\n'));
    const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, from = '']) => from.split(' '));
    expect(sources.length).toBeGreaterThan(5);
    expect(sources.filter((source) => !existsSync(source) || held.has(dirname(source).split('/')[0] ?? ''))).toEqual(
      [],
    );
  });

  it('starts the file that package.json names as the program, with a Node that it allows', () => {
    const { bin } = JSON.parse(read('package.json')) as { bin: { serin: string } };
    expect(dockerfile).toContain(`ENTRYPOINT ["node", "--max-semi-space-size=64", "/serin/${bin.serin}"]`);
    const bases = [...dockerfile.matchAll(/^FROM node:(\S+)-bookworm-slim/gm)].map(([, version]) => version);
    expect(new Set([...bases, read('.nvmrc').trim()]).size).toBe(1);
  });
});

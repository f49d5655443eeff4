import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { LiveCertificates, Pems } from '../engine/ports/certificates.ts';
import type { Clock, Timer } from '../engine/ports/clock.ts';
import type { Logger } from '../engine/ports/logger.ts';

export interface PemFile {
  readonly file: string;
  readonly pem: string;
}

/** Files that belong together, as they were at the start. */
export type PemFiles = { readonly [K in keyof Pems]: PemFile | null };

export interface CertificateReport {
  /** Under which it stands in the configuration. */
  readonly setting: string;
  /** So long it is still good; below 0 it has run out. */
  readonly leftMs: number;
}

export interface CertificateWatch extends LiveCertificates {
  reports(): readonly CertificateReport[];
  /** The files hold something that cannot be used; what was there before is still in use. */
  refused(): boolean;
  stop(): void;
}

/** Files are small, and those of Kubernetes change by links that no file watcher follows. */
const EVERY_MS = 5_000;

/**
 * Reads the files again and again, and takes what has changed if it fits together: a certificate is written before its
 * key or after it, and in between there is no pair.
 */
export function watchCertificates(options: {
  readonly files: PemFiles;
  /** Of the configuration, by what they are for: `xds.tls.clientCa`. */
  readonly settings: { readonly [K in keyof Pems]: string };
  /** `null`: it cannot be read. */
  readonly read: (file: string) => string | null;
  readonly clock: Clock;
  readonly logger: Logger;
}): CertificateWatch {
  const { files, settings, read, clock, logger } = options;
  const listeners = new Set<() => void>();
  let current = pemsOf(files, ({ pem }) => pem);
  let seen = current;
  let refused = false;
  let timer: Timer | null = null;
  const look = (): void => {
    timer = clock.setTimer(EVERY_MS, look);
    const found = pemsOf(files, ({ file }) => read(file));
    if (same(found, seen)) return;
    seen = found;
    if (same(found, current)) {
      refused = false;
      return;
    }
    const trouble = troubleOf(found, files, clock.now());
    refused = trouble !== null;
    if (trouble !== null) {
      logger.error('certificate files have changed and cannot be used; the ones before stay in use', {
        setting: settings.certificate,
        detail: trouble,
      });
      return;
    }
    current = found;
    logger.info('certificates were read anew', { setting: settings.certificate });
    for (const listener of listeners) listener();
  };
  timer = clock.setTimer(EVERY_MS, look);
  return {
    current: () => current,
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    reports: () => reportsOf(current, settings, clock.now()),
    refused: () => refused,
    stop: () => timer?.cancel(),
  };
}

function pemsOf(files: PemFiles, text: (file: PemFile) => string | null): Pems {
  const of = (file: PemFile | null) => (file === null ? null : text(file));
  return { certificate: of(files.certificate), privateKey: of(files.privateKey), ca: of(files.ca) };
}

function same(a: Pems, b: Pems): boolean {
  return a.certificate === b.certificate && a.privateKey === b.privateKey && a.ca === b.ca;
}

/** Why nobody could be served with them. */
function troubleOf({ certificate, privateKey, ca }: Pems, files: PemFiles, nowMs: number): string | null {
  for (const [name, text] of Object.entries({ certificate, privateKey, ca })) {
    const file = files[name as keyof Pems];
    if (file !== null && text === null) return `${file.file} cannot be read`;
  }
  try {
    createSecureContext({
      ...(certificate === null ? {} : { cert: certificate }),
      ...(privateKey === null ? {} : { key: privateKey }),
      ...(ca === null ? {} : { ca }),
    });
    if (ca !== null && certificatesIn(ca).length === 0) return `${files.ca?.file} holds no certificate`;
    const [own] = certificate === null ? [] : certificatesIn(certificate);
    if (own !== undefined && Date.parse(own.validTo) <= nowMs) {
      return `${files.certificate?.file} ran out at ${own.validTo}`;
    }
    return null;
  } catch (cause) {
    // OpenSSL's words, which quote no key.
    return cause instanceof Error ? cause.message : 'they do not fit together';
  }
}

/** A chain ends with the first of it that does; a bundle of authorities with the last. */
function reportsOf(
  { certificate, ca }: Pems,
  settings: Readonly<Record<keyof Pems, string>>,
  nowMs: number,
): CertificateReport[] {
  const report = (setting: string, pem: string | null, end: (...moments: number[]) => number): CertificateReport[] => {
    if (pem === null) return [];
    const ends = safely(() => certificatesIn(pem)).map(({ validTo }) => Date.parse(validTo));
    return ends.length === 0 ? [] : [{ setting, leftMs: end(...ends) - nowMs }];
  };
  return [...report(settings.certificate, certificate, Math.min), ...report(settings.ca, ca, Math.max)];
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function certificatesIn(pem: string): readonly X509Certificate[] {
  return (pem.match(CERTIFICATE) ?? []).map((text) => new X509Certificate(text));
}

function safely<T>(list: () => readonly T[]): readonly T[] {
  try {
    return list();
  } catch {
    return [];
  }
}

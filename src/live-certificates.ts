import type { Clock } from './engine/ports/clock.ts';
import type { Logger } from './engine/ports/logger.ts';
import { type CertificateWatch, watchCertificates } from './platform/certificate-watch.ts';
import type { Config } from './platform/config.ts';
import { revealSecret } from './platform/reveal-secret.ts';

/** Part of the composition root: the certificates that the engine serves with, and those that it connects with. */
export interface EngineCertificates {
  readonly xds: CertificateWatch | null;
  readonly redis: CertificateWatch | null;
  /** All of them. */
  readonly watches: readonly CertificateWatch[];
}

export function engineCertificates({ xds, redis }: Config, clock: Clock, logger: Logger): EngineCertificates {
  const common = { clock, logger, read: (file: string) => revealSecret(`file:${file}`, {}) };
  const settingsOf = (at: string, ca: string) => ({
    ...{ certificate: `${at}.certificate`, privateKey: `${at}.privateKey`, ca: `${at}.${ca}` },
  });
  const ofXds =
    xds.tls === null
      ? null
      : watchCertificates({ ...common, files: xds.tls, settings: settingsOf('xds.tls', 'clientCa') });
  const files = redis?.tls ?? null;
  const ofRedis =
    files === null ? null : watchCertificates({ ...common, files, settings: settingsOf('redis.tls', 'ca') });
  return { xds: ofXds, redis: ofRedis, watches: [ofXds, ofRedis].filter((watch) => watch !== null) };
}

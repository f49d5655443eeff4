import { Gauge, type Registry } from 'prom-client';
import type { CertificateReport } from './certificate-watch.ts';

export interface CertificateState {
  readonly refused: boolean;
  readonly reports: readonly CertificateReport[];
}

/** Of the files that this replica serves with or connects with; none, none of them. */
export function certificateMetrics(registry: Registry, states: () => readonly CertificateState[]): void {
  const registers = [registry];
  new Gauge({
    name: 'serin_certificate_expiry_seconds',
    help: 'How long the certificates of a setting are still good; below 0 they have run out.',
    labelNames: ['setting'],
    registers,
    collect() {
      this.reset();
      for (const { setting, leftMs } of states().flatMap(({ reports }) => reports))
        this.set({ setting }, leftMs / 1_000);
    },
  });
  new Gauge({
    name: 'serin_certificates_refused',
    help: '1: certificate files have changed and cannot be used; the ones before are still in use.',
    registers,
    collect() {
      this.set(states().some(({ refused }) => refused) ? 1 : 0);
    },
  });
}

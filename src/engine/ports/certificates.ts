/** PEM texts that belong together; `null`: not configured. */
export interface Pems {
  readonly certificate: string | null;
  readonly privateKey: string | null;
  /** Authorities that the other side is checked against. */
  readonly ca: string | null;
}

/** Certificates that may change while they are in use. What is connected stays so, what comes gets the new ones. */
export interface LiveCertificates {
  current(): Pems;
  /** Ends with what is returned. */
  onChange(listener: () => void): () => void;
}

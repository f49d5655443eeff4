/** What an editor shows of a field. */
export interface FieldText {
  readonly says: string;
  /** As it is written in YAML; what the field is where it is left out. */
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
}

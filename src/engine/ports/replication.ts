/** Whether a second server would still have what the store has said, if the first one were lost now. */
export interface Replication {
  /** Have enough replicas all that was committed before this call? `false` also when nobody can say. */
  confirmed(): Promise<boolean>;
}

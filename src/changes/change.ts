/** A row that was inserted, updated or deleted; what it is now, the listener reads itself. */
export interface Change {
  readonly topic: string;
  readonly scope: string;
  readonly key: string;
}

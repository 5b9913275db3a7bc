/**
 * A moment, as the driver hands it to the cores. Deadlines are compared with `monotonicMs`, which never jumps;
 * `wallMs` is only for what people read (`createdAt`) and what they write (`at=`), so a clock that is set an
 * hour back makes no member look dead and no job late.
 */
export interface Instant {
  /** Milliseconds since an arbitrary start; never falls. */
  readonly monotonicMs: number;
  /** Milliseconds since 1970-01-01T00:00:00Z, by this machine's clock. */
  readonly wallMs: number;
}

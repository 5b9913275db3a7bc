/**
 * The highest of the values of the last while: of this window and of the one before, so at least one window and less than two.
 * Looking changes nothing: any number of lookers see the same.
 */
export class RecentMax {
  private window = Number.NEGATIVE_INFINITY;
  private current = 0;
  private before = 0;

  constructor(private readonly windowMs: number) {}

  /** Values are not negative. */
  add(value: number, nowMs: number): void {
    this.turn(nowMs);
    this.current = Math.max(this.current, value);
  }

  /** 0 when there was none. */
  read(nowMs: number): number {
    this.turn(nowMs);
    return Math.max(this.current, this.before);
  }

  private turn(nowMs: number): void {
    const window = Math.floor(nowMs / this.windowMs);
    if (window === this.window) return;
    this.before = window === this.window + 1 ? this.current : 0;
    this.current = 0;
    this.window = window;
  }
}

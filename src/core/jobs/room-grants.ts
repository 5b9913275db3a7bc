import type { NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import { limits } from '../limits.js';
import type { JobMessage } from '../messages.js';
import type { JobsConfig } from './config.js';
import { type Account, activityOf } from './executor-account.js';
import { activeWindow, idleWindow, isWorthTelling } from './room.js';

export interface RoomGrantsOptions {
  readonly config: JobsConfig;
  readonly accounts: ReadonlyMap<NodeId, Account>;
  readonly hasRoom: () => boolean;
  readonly deliver: (to: NodeId, message: JobMessage) => void;
}

/** Tells owners how many attempts they may have outstanding at this executor. */
export class RoomGrants {
  /** When it is looked at again; monotonic. */
  dueMs = Number.POSITIVE_INFINITY;

  constructor(private readonly options: RoomGrantsOptions) {}

  changed(now: Instant): void {
    if (this.dueMs === Number.POSITIVE_INFINITY) this.dueMs = now.monotonicMs + this.options.config.aheadMs;
  }

  grantAll(now: Instant): void {
    const { config, accounts } = this.options;
    const { concurrency, aheadMs } = config;
    const { endedLately, ownersActive } = activityOf(accounts.values());
    const windowMax = limits.attemptsPerGrantMax;
    const window = activeWindow({ concurrency, endedLately, ownersActive, windowMax });
    const hasRoom = this.options.hasRoom();
    for (const [owner, account] of accounts) {
      const isActive = account.endedLately > 0 || account.held.size > 0;
      const wanted = (isActive ? window : idleWindow(concurrency)) + account.lentCount;
      this.grant(owner, account, hasRoom ? Math.min(windowMax, wanted) : 0);
      account.endedLately = 0;
    }
    // While attempts end the windows follow them; the round after the last end sets them back.
    this.dueMs = endedLately > 0 ? now.monotonicMs + aheadMs : Number.POSITIVE_INFINITY;
  }

  /** An attempt of that owner waits for another job, which may need a place here; or no longer. */
  lent(owner: NodeId, account: Account, change: 1 | -1): void {
    account.lentCount += change;
    if (account.told > 0) this.grant(owner, account, account.told - account.lentTold + account.lentCount);
  }

  private grant(owner: NodeId, account: Account, window: number): void {
    // All that it has there may wait for one more.
    const isUsedUp = account.told <= account.lentCount && window > account.told;
    if (!isUsedUp && !isWorthTelling(account.told, window)) return;
    account.told = window;
    account.lentTold = account.lentCount;
    this.options.deliver(owner, { type: 'grant', window });
  }
}

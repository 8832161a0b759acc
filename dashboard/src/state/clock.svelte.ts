// The site's clock, not the browser's: a computer with a wrong clock still shows the time of the site.

const STEP_MS = 5_000;

class Clock {
  private offset = $state(0);
  private tick = $state(Date.now());
  /** The site told its time at least once. */
  told = $state(false);
  /** Site time now, in milliseconds; moves once a second. */
  readonly now = $derived(this.tick + this.offset);

  constructor() {
    const beat = (): void => {
      this.tick = Date.now();
      setTimeout(beat, 1000 - ((this.tick + this.offset) % 1000));
    };
    beat();
  }

  /** Takes the site's time from a message. The least delayed message tells it best. */
  hear(siteTime: string): void {
    const heard = Date.parse(siteTime) - Date.now();
    if (Number.isNaN(heard)) return;
    if (!this.told || Math.abs(heard - this.offset) > STEP_MS || heard > this.offset) this.offset = heard;
    this.told = true;
  }

  /** Milliseconds since a moment of the site; never negative. */
  since(moment: string): number {
    return Math.max(0, this.now - Date.parse(moment));
  }
}

export const clock = new Clock();

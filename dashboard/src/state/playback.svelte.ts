// One clock for everything that is played back: cameras, radio calls, flights. Milliseconds of the site's time.

export const SPEEDS = [0.5, 1, 2, 4, 8] as const;
/** A camera that is still loading holds the clock no longer than this. */
const HOLD_MS = 4_000;

export class Playback {
  /** What is loaded; nothing outside of it is shown. */
  from = $state(0);
  to = $state(0);
  now = $state(0);
  playing = $state(false);
  speed = $state<number>(1);
  /** Cameras that have a picture for this moment but not loaded it yet. */
  private readonly late = new Set<string>();
  holding = $state(false);
  private heldFor = 0;
  private last = 0;
  private frame = 0;

  open(from: number, to: number, at: number): void {
    this.from = from;
    this.to = to;
    this.seek(at);
  }

  seek(to: number): void {
    this.now = Math.min(Math.max(to, this.from), this.to);
    this.heldFor = 0;
  }

  step(ms: number): void {
    this.seek(this.now + ms);
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  play(): void {
    if (this.playing || this.to <= this.from) return;
    if (this.now >= this.to) this.seek(this.from);
    this.playing = true;
    this.last = performance.now();
    this.frame = requestAnimationFrame(this.tick);
  }

  pause(): void {
    this.playing = false;
    cancelAnimationFrame(this.frame);
  }

  /** A camera says whether it waits for data. */
  waits(camera: string, waiting: boolean): void {
    if (waiting) this.late.add(camera);
    else this.late.delete(camera);
    this.holding = this.late.size > 0;
  }

  private readonly tick = (at: number): void => {
    if (!this.playing) return;
    const passed = Math.min(Math.max(0, at - this.last), 250);
    this.last = at;
    if (this.late.size > 0 && this.heldFor < HOLD_MS) this.heldFor += passed;
    else {
      if (this.late.size === 0) this.heldFor = 0;
      this.now = Math.min(this.now + passed * this.speed, this.to);
    }
    if (this.now >= this.to) this.pause();
    else this.frame = requestAnimationFrame(this.tick);
  };
}

import { ApiError } from '../data/http';
import { catchUp, openVideo, type Playback, type StreamName } from '../data/video';

/** No new picture for this long while the link says it is fine: the picture is frozen. */
export const FROZEN_MS = 5_000;
const RESTART_MS = 9_000;
const FIRST_WAIT_MS = 700;
const LONGEST_WAIT_MS = 8_000;

export type PlayerState = 'connecting' | 'playing' | 'frozen' | 'waiting';

/** One camera on one video element. It comes back by itself, for ever, until it is stopped. */
export class Player {
  state = $state<PlayerState>('connecting');
  /** Why the slower way is used; '' over WebRTC. */
  reason = $state('');
  /** Why there is no picture, in the API's word. */
  failure = $state<ApiError | null>(null);
  /** Browser time of the newest picture shown, 0 before the first. */
  frameAt = $state(0);

  private playback: Playback | null = null;
  private cancel = new AbortController();
  private wait: ReturnType<typeof setTimeout> | null = null;
  private watch: ReturnType<typeof setInterval> | null = null;
  private failures = 0;
  private startedAt = 0;
  private frames = 0;
  private stopped = false;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly camera: string,
    private readonly stream: StreamName,
    /** Keeps the last picture when the link is gone, so that a guard sees what was there. */
    private readonly still: HTMLCanvasElement | null,
  ) {
    this.watch = setInterval(() => this.look(), 500);
    document.addEventListener('visibilitychange', this.woke);
    void this.open();
  }

  /** Tries at once: the camera is said to be back. */
  nudge(): void {
    if (this.state !== 'waiting' || this.failure?.status === 403) return;
    this.failures = 0;
    this.again(0);
  }

  stop(): void {
    this.stopped = true;
    document.removeEventListener('visibilitychange', this.woke);
    if (this.watch !== null) clearInterval(this.watch);
    this.hangUp();
  }

  private async open(): Promise<void> {
    this.state = 'connecting';
    this.startedAt = Date.now();
    const cancel = new AbortController();
    this.cancel = cancel;
    try {
      const broken = (): void => {
        if (this.cancel === cancel) this.fail(null);
      };
      const playback = await openVideo(this.camera, this.stream, { broken }, cancel.signal);
      if (this.cancel !== cancel || this.stopped) {
        playback.close();
        return;
      }
      this.playback = playback;
      this.reason = playback.reason;
      this.failure = null;
      this.startedAt = Date.now();
      if (typeof playback.media === 'string') this.video.src = playback.media;
      else this.video.srcObject = playback.media;
      this.frames = 0;
      void this.video.play().catch(() => undefined);
    } catch (err) {
      if (this.cancel === cancel && !this.stopped) this.fail(err instanceof ApiError ? err : null);
    }
  }

  /** Counts the pictures that were decoded: the one fact that says whether the picture lives. */
  private look(): void {
    if (document.hidden || this.playback === null) return;
    if (this.reason !== '') catchUp(this.video);
    const now = Date.now();
    const frames = this.video.getVideoPlaybackQuality().totalVideoFrames;
    if (frames !== this.frames) {
      this.frames = frames;
      if (frames > 0) {
        this.frameAt = now;
        this.state = 'playing';
        this.failures = 0;
      }
      return;
    }
    const still = now - Math.max(this.frameAt, this.startedAt);
    if (still > RESTART_MS) this.fail(null);
    else if (still > FROZEN_MS && this.state === 'playing') this.state = 'frozen';
  }

  private fail(err: ApiError | null): void {
    this.hangUp();
    this.failure = err;
    this.state = 'waiting';
    if (err?.status === 403) return; // a right does not come by asking again
    const wait = Math.min(FIRST_WAIT_MS * 2 ** this.failures, LONGEST_WAIT_MS);
    this.failures++;
    this.again(wait * (0.75 + Math.random() / 2));
  }

  private again(wait: number): void {
    if (this.wait !== null) clearTimeout(this.wait);
    this.wait = setTimeout(() => void this.open(), wait);
  }

  private hangUp(): void {
    this.cancel.abort();
    if (this.wait !== null) clearTimeout(this.wait);
    this.wait = null;
    this.keepStill();
    this.playback?.close();
    this.playback = null;
  }

  private keepStill(): void {
    const { video, still } = this;
    if (still === null || this.playback === null || this.frameAt === 0 || video.videoWidth === 0) return;
    still.width = video.videoWidth;
    still.height = video.videoHeight;
    still.getContext('2d')?.drawImage(video, 0, 0);
  }

  private readonly woke = (): void => {
    this.startedAt = Date.now();
  };
}

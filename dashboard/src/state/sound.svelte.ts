// The four sounds of the console (domain.md 4.1), made by the browser itself: no file, nothing to load.
// kritis: without a pause until accepted; penting: three tones every 20 s; perhatian: one tone; info: none.
import { muteConsole } from '../data/console';
import { cases } from './cases.svelte';
import { presence } from './presence.svelte';
import { session } from './session.svelte';

const EVERY_MS = 20_000;
const MUTE_S = 120;

export type Loudness = 'critical' | 'important' | 'quiet';

class Sound {
  /** The browser lets us make noise. */
  allowed = $state(false);
  mutedUntil = $state(0);
  private tick = $state(Date.now());
  readonly muted = $derived(this.tick < this.mutedUntil);
  readonly muteLeftMs = $derived(Math.max(0, this.mutedUntil - this.tick));

  readonly wanted: Loudness = $derived.by(() => {
    if (!session.can('respond')) return 'quiet';
    if (session.site?.standby) return session.standbyHeard ? 'quiet' : 'critical'; // alerts that wait there are old
    const top = cases.waiting[0];
    if (top?.priority === 'critical') return 'critical';
    if (presence.asking) return 'important';
    return cases.waiting.some((alert) => alert.priority === 'important') && !this.muted ? 'important' : 'quiet';
  });

  private context: AudioContext | null = null;
  private siren: { stop(): void } | null = null;
  private turn: ReturnType<typeof setInterval> | null = null;

  /** Follows the alerts for as long as the page lives. */
  start(): void {
    const wake = (): void => this.unlock();
    window.addEventListener('pointerdown', wake, { capture: true });
    window.addEventListener('keydown', wake, { capture: true });
    setInterval(() => (this.tick = Date.now()), 1000);
    cases.onNew((alert) => {
      if (alert.priority === 'caution' && !this.muted && session.can('respond')) this.beeps(1, 620, 0.35);
    });
    $effect.root(() => {
      $effect(() => this.play(this.allowed ? this.wanted : 'quiet'));
    });
    this.unlock();
  }

  /** Browsers make no sound before a person touched the page; signing in counts. */
  unlock(): void {
    try {
      this.context ??= new AudioContext();
    } catch {
      return; // no sound card: the button stays loud
    }
    const context = this.context;
    const note = (): void => {
      this.allowed = context.state === 'running';
    };
    context.onstatechange = note;
    note();
    if (context.state !== 'running') void context.resume().then(note, () => undefined);
  }

  /**
   * Quiet for two minutes, or loud again. The site keeps who did it and refuses while something critical waits; until it
   * has answered the console is taken at its word. Returns why it did not work.
   */
  async mute(): Promise<unknown> {
    const before = this.mutedUntil;
    const seconds = this.muted ? 0 : MUTE_S;
    this.hush(seconds === 0 ? 0 : Date.now() + seconds * 1000);
    try {
      await muteConsole(presence.console, seconds);
      return null;
    } catch (err) {
      this.hush(before);
      return err;
    }
  }

  private hush(until: number): void {
    this.mutedUntil = until;
    this.tick = Date.now();
  }

  private play(level: Loudness): void {
    if (this.turn !== null) clearInterval(this.turn);
    this.turn = null;
    if (level === 'critical') this.siren ??= this.wail();
    else {
      this.siren?.stop();
      this.siren = null;
    }
    if (level === 'important') {
      this.beeps(3, 980, 0.16);
      this.turn = setInterval(() => this.beeps(3, 980, 0.16), EVERY_MS);
    }
  }

  private wail(): { stop(): void } | null {
    const context = this.context;
    if (context === null) return null;
    const voice = new OscillatorNode(context, { type: 'triangle', frequency: 760 });
    const sweep = new OscillatorNode(context, { type: 'square', frequency: 2 });
    const depth = new GainNode(context, { gain: 190 });
    const loud = new GainNode(context, { gain: 0 });
    sweep.connect(depth).connect(voice.frequency);
    voice.connect(loud).connect(context.destination);
    loud.gain.linearRampToValueAtTime(0.6, context.currentTime + 0.05);
    voice.start();
    sweep.start();
    return {
      stop: () => {
        loud.gain.cancelScheduledValues(context.currentTime);
        loud.gain.setTargetAtTime(0, context.currentTime, 0.02);
        voice.stop(context.currentTime + 0.2);
        sweep.stop(context.currentTime + 0.2);
      },
    };
  }

  private beeps(count: number, frequency: number, seconds: number): void {
    const context = this.context;
    if (context === null || context.state !== 'running') return;
    for (let i = 0; i < count; i++) {
      const from = context.currentTime + i * seconds * 1.8;
      const voice = new OscillatorNode(context, { type: 'sine', frequency });
      const loud = new GainNode(context, { gain: 0 });
      voice.connect(loud).connect(context.destination);
      loud.gain.setValueAtTime(0, from);
      loud.gain.linearRampToValueAtTime(0.5, from + 0.02);
      loud.gain.setValueAtTime(0.5, from + seconds - 0.03);
      loud.gain.linearRampToValueAtTime(0, from + seconds);
      voice.start(from);
      voice.stop(from + seconds);
    }
  }
}

export const sound = new Sound();

import { untrack } from 'svelte';
import type { Alert, Device } from '../wire';
import { cards } from './cards.svelte';
import { cases } from './cases.svelte';
import { devices } from './devices.svelte';
import { places } from './places.svelte';

export const GRIDS = [1, 4, 9, 16] as const;
export type Grid = (typeof GRIDS)[number];

const KEPT = 'siaga.grid';

function kept(): Grid {
  try {
    const was = Number(localStorage.getItem(KEPT));
    return GRIDS.find((grid) => grid === was) ?? 4;
  } catch {
    return 4;
  }
}

/** Which cameras stand where. The cameras of a new critical alert come to the front by themselves. */
class Wall {
  grid = $state<Grid>(kept());
  page = $state(0);
  /** The alert whose cameras stand in front; null in the usual order. */
  front = $state<Alert | null>(null);
  /** The camera shown large; '' when none. */
  opened = $state('');

  private alone = false;

  private readonly called = $derived.by((): ReadonlySet<string> => {
    const alert = this.front;
    if (alert === null) return new Set();
    const named = cards.cameras(alert.rule);
    const near = devices.cameras.filter((camera) => camera.id === alert.device || named.includes(camera.id) || places.related(camera.zone, alert.zone));
    return new Set(near.map((camera) => camera.id));
  });

  readonly order: readonly Device[] = $derived([
    ...devices.cameras.filter((camera) => this.called.has(camera.id)),
    ...devices.cameras.filter((camera) => !this.called.has(camera.id)),
  ]);

  /** On a full wall the first two called cameras take four fields each; the rest moves on, and nothing is hidden. */
  private readonly large = $derived(this.grid === 16 ? Math.min(2, this.called.size) : 0);
  private readonly firstPage = $derived(this.grid - 3 * this.large);
  readonly pages = $derived(1 + Math.max(0, Math.ceil((this.order.length - this.firstPage) / this.grid)));
  readonly current = $derived(Math.min(this.page, this.pages - 1));
  /** How many of the cameras on this page are large. */
  readonly largeHere = $derived(this.current === 0 ? this.large : 0);
  readonly shown: readonly Device[] = $derived.by(() => {
    if (this.current === 0) return this.order.slice(0, this.firstPage);
    const from = this.firstPage + (this.current - 1) * this.grid;
    return this.order.slice(from, from + this.grid);
  });

  start(): void {
    cases.onNew((alert) => {
      if (alert.priority !== 'critical' || alert.state !== 'active') return;
      this.front = alert;
      this.page = 0;
    });
    // When its incident is over the wall goes back by itself, or on to the next critical one that waits.
    $effect.root(() => {
      let known = ''; // an alert comes a moment before its incident
      $effect(() => {
        if (this.front === null) return;
        if (cases.incidents.has(this.front.incident)) known = this.front.incident;
        if (known !== this.front.incident || cases.incidents.has(known)) return;
        const next = cases.waiting.find((alert) => alert.priority === 'critical' && alert.state === 'active');
        untrack(() => (next === undefined ? this.usual() : (this.front = next)));
      });
    });
  }

  /** A window that shows nothing but the wall keeps its choice in its own address. */
  own(grid: string | null, page: string | null): void {
    this.alone = true;
    this.grid = GRIDS.find((one) => one === Number(grid)) ?? this.grid;
    this.page = Math.max(0, (Number(page) || 1) - 1);
  }

  isCalled(camera: string): boolean {
    return this.called.has(camera);
  }

  calledCount(): number {
    return this.called.size;
  }

  setGrid(grid: Grid): void {
    const first = this.order.indexOf(this.shown[0] as Device);
    this.grid = grid;
    this.page = this.front === null ? Math.max(0, Math.floor(first / grid)) : 0;
    if (this.alone) return;
    try {
      localStorage.setItem(KEPT, String(grid));
    } catch {
      // The next visit begins with four.
    }
  }

  nextGrid(): void {
    this.setGrid(GRIDS[(GRIDS.indexOf(this.grid) + 1) % GRIDS.length] ?? 4);
  }

  turn(by: 1 | -1): void {
    this.page = (this.current + by + this.pages) % this.pages;
  }

  usual(): void {
    this.front = null;
    this.page = 0;
  }
}

export const wall = new Wall();

// The places on a plan while somebody works on them: what was, what is, and every step between. Pure, so that undo is
// only another value.
import type { PlanSpot } from '../../data';

export type Spots = ReadonlyMap<string, PlanSpot>;

export interface Draft {
  /** As the site has it. */
  readonly base: Spots;
  readonly now: Spots;
  readonly past: readonly Spots[];
  readonly future: readonly Spots[];
  /** What the last step was; steps of one kind in a row are undone together. */
  readonly last: string;
}

const MOST_STEPS = 200;

export function begin(base: Spots): Draft {
  return { base, now: base, past: [], future: [], last: '' };
}

/** Puts a device somewhere, or takes it off with null. `step` names a gesture: the same name again belongs to it. */
export function put(draft: Draft, id: string, spot: PlanSpot | null, step: string): Draft {
  const now = new Map(draft.now);
  if (spot === null) now.delete(id);
  else now.set(id, tidy(spot));
  if (same(draft.now.get(id), now.get(id))) return draft;
  const past = step !== '' && step === draft.last ? draft.past : [...draft.past, draft.now].slice(-MOST_STEPS);
  return { base: draft.base, now, past, future: [], last: step };
}

export function undo(draft: Draft): Draft {
  const before = draft.past.at(-1);
  if (before === undefined) return draft;
  return { ...draft, now: before, past: draft.past.slice(0, -1), future: [draft.now, ...draft.future], last: '' };
}

export function redo(draft: Draft): Draft {
  const [after, ...future] = draft.future;
  if (after === undefined) return draft;
  return { ...draft, now: after, past: [...draft.past, draft.now], future, last: '' };
}

/** The devices whose place differs from what the site has. */
export function changed(draft: Draft): string[] {
  return [...new Set([...draft.base.keys(), ...draft.now.keys()])].filter((id) => !same(draft.base.get(id), draft.now.get(id))).sort();
}

/** The site has something else now: what was not touched here follows, what was stays as it was put. */
export function rebase(draft: Draft, base: Spots): Draft {
  const mine = new Set(changed(draft));
  const onto = (spots: Spots): Spots => {
    const next = new Map(base);
    for (const id of mine) {
      const spot = spots.get(id);
      if (spot === undefined) next.delete(id);
      else next.set(id, spot);
    }
    return next;
  };
  return { base, now: onto(draft.now), past: draft.past.map(onto), future: draft.future.map(onto), last: draft.last };
}

const round = (value: number, to: number): number => Math.round(value * to) / to;

/** A place as it is stored: on the plan, with no more digits than a person can mean. */
export function tidy(spot: PlanSpot): PlanSpot {
  const within = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, Number.isFinite(value) ? value : low));
  const out: PlanSpot = { x: round(within(spot.x, 0, 1), 10_000), y: round(within(spot.y, 0, 1), 10_000) };
  const fov = round(within(spot.fov ?? 0, 0, 360), 1);
  const range = round(within(spot.range ?? 0, 0, 1), 10_000);
  const heading = round((((spot.heading ?? 0) % 360) + 360) % 360, 1) % 360;
  if (heading > 0) out.heading = heading;
  if (fov > 0) out.fov = fov;
  if (range > 0) out.range = range;
  return out;
}

export function same(a: PlanSpot | undefined, b: PlanSpot | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.x === b.x && a.y === b.y && (a.heading ?? 0) === (b.heading ?? 0) && (a.fov ?? 0) === (b.fov ?? 0) && (a.range ?? 0) === (b.range ?? 0);
}

/** What a key does to a place; null takes it off, undefined means that the key is none of ours. */
export function byKey(spot: PlanSpot, key: string, far: boolean): PlanSpot | null | undefined {
  const step = far ? 0.025 : 0.0025;
  const turn = far ? 15 : 5;
  switch (key) {
    case 'ArrowLeft':
      return { ...spot, x: spot.x - step };
    case 'ArrowRight':
      return { ...spot, x: spot.x + step };
    case 'ArrowUp':
      return { ...spot, y: spot.y - step };
    case 'ArrowDown':
      return { ...spot, y: spot.y + step };
    case '[':
    case '{':
      return { ...spot, heading: (spot.heading ?? 0) - (key === '{' ? 15 : turn) };
    case ']':
    case '}':
      return { ...spot, heading: (spot.heading ?? 0) + (key === '}' ? 15 : turn) };
    case ',':
      return { ...spot, fov: (spot.fov ?? 0) - 5 };
    case '.':
      return { ...spot, fov: (spot.fov ?? 0) + 5 };
    case '-':
      return { ...spot, range: (spot.range ?? 0) - 0.01 };
    case '+':
    case '=':
      return { ...spot, range: (spot.range ?? 0) + 0.01 };
    case 'Delete':
    case 'Backspace':
      return null;
    default:
      return undefined;
  }
}

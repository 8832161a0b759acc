import type { Anchor, FloorPlan } from '../../data';

export interface Point {
  x: number;
  y: number;
}

const METRES_A_DEGREE = 111_320;
const RAD = Math.PI / 180;

/** A place on earth as metres east and south of the first anchor: the way a picture's x and y run. */
function metres(from: Anchor, lat: number, lon: number): Point {
  return { x: (lon - from.lon) * METRES_A_DEGREE * Math.cos(from.lat * RAD), y: (from.lat - lat) * METRES_A_DEGREE };
}

type Size = Pick<FloorPlan, 'width' | 'height' | 'anchors'>;

/** How pixels of the plan follow from metres: turn and stretch as one complex factor. */
function factor(plan: Size): (Point & { first: Anchor }) | null {
  const [a, b] = plan.anchors;
  if (a === undefined || b === undefined) return null;
  const far = metres(a, b.lat, b.lon);
  const size = far.x * far.x + far.y * far.y;
  if (size === 0) return null;
  const way = { x: (b.x - a.x) * plan.width, y: (b.y - a.y) * plan.height };
  return { x: (way.x * far.x + way.y * far.y) / size, y: (way.y * far.x - way.x * far.y) / size, first: a };
}

/** Where a place on earth lies on a plan, in fractions of it; it may lie outside 0 to 1. null: the plan has no place on earth. */
export function onPlan(plan: Size, lat: number, lon: number): Point | null {
  const by = factor(plan);
  if (by === null) return null;
  const at = metres(by.first, lat, lon);
  return {
    x: by.first.x + (at.x * by.x - at.y * by.y) / plan.width,
    y: by.first.y + (at.x * by.y + at.y * by.x) / plan.height,
  };
}

/** Metres that one pixel of the plan's picture stands for; null when the plan has no place on earth. */
export function metresAPixel(plan: Size): number | null {
  const by = factor(plan);
  return by === null ? null : 1 / Math.hypot(by.x, by.y);
}

/** The field of view as a path in pixels of the picture: a sector, or a circle when it sees all around. */
export function sector(at: Point, reach: number, heading: number, fov: number): string {
  const end = (degrees: number): string => {
    const angle = degrees * RAD;
    return `${(at.x + reach * Math.sin(angle)).toFixed(1)} ${(at.y - reach * Math.cos(angle)).toFixed(1)}`;
  };
  const arc = (to: number, large: number): string => `A${reach.toFixed(1)} ${reach.toFixed(1)} 0 ${large} 1 ${end(to)}`;
  if (fov >= 359.5) return `M${end(0)}${arc(180, 1)}${arc(360, 1)}Z`;
  return `M${at.x.toFixed(1)} ${at.y.toFixed(1)}L${end(heading - fov / 2)}${arc(heading + fov / 2, fov > 180 ? 1 : 0)}Z`;
}

/** Degrees from the upper edge, clockwise, of the way from one point to another, both in pixels. */
export function bearing(from: Point, to: Point): number {
  return (Math.atan2(to.x - from.x, from.y - to.y) / RAD + 360) % 360;
}

export const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

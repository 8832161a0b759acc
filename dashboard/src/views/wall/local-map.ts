import type { Earth } from '../../data';

const METRES_A_DEGREE = 111_320;

/** Metres east and north of a place. Good for the few kilometres that a site has. */
export function metresFrom(home: Earth, at: Earth): { east: number; north: number } {
  return {
    east: (at.lon - home.lon) * METRES_A_DEGREE * Math.cos((home.lat * Math.PI) / 180),
    north: (at.lat - home.lat) * METRES_A_DEGREE,
  };
}

/** A round length for the scale bar: at most a third of the width. */
export function roundLength(width: number): number {
  const most = Math.max(width / 3, 1);
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((n) => n * power).find((n) => n <= most) ?? power;
}

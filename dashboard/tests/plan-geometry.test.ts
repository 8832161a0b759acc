import { describe, expect, it } from 'vitest';
import { bearing, metresAPixel, onPlan, sector } from '../src/views/plan/geometry';

const north = {
  width: 1600,
  height: 1000,
  anchors: [
    { x: 0.1, y: 0.9, lat: -3.541023, lon: 118.969548 },
    { x: 0.9, y: 0.1, lat: -3.539577, lon: 118.971852 },
  ],
};

describe('a plan that is tied to the earth', () => {
  it('shows its anchors where they are, and the middle between them', () => {
    for (const anchor of north.anchors) {
      const at = onPlan(north, anchor.lat, anchor.lon);
      expect(at?.x).toBeCloseTo(anchor.x, 6);
      expect(at?.y).toBeCloseTo(anchor.y, 6);
    }
    const middle = onPlan(north, -3.5403, 118.9707);
    expect(middle?.x).toBeCloseTo(0.5, 3);
    expect(middle?.y).toBeCloseTo(0.5, 3);
  });

  it('knows its scale: the demo is drawn at 0.2 m a pixel', () => {
    expect(metresAPixel(north)).toBeCloseTo(0.2, 2);
  });

  it('is turned by its anchors: on a plan with east up, a step north goes left', () => {
    const m = 1 / 111_320; // a metre in degrees, near enough at the equator
    const east = { width: 1000, height: 1000, anchors: [{ x: 0.5, y: 0.9, lat: 0, lon: 0 }, { x: 0.5, y: 0.1, lat: 0, lon: 100 * m }] };
    const at = onPlan(east, 25 * m, 50 * m);
    expect(at?.x).toBeCloseTo(0.3, 3);
    expect(at?.y).toBeCloseTo(0.5, 3);
  });

  it('says nothing without two anchors', () => {
    expect(onPlan({ ...north, anchors: [] }, -3.5, 118.9)).toBeNull();
    expect(metresAPixel({ ...north, anchors: north.anchors.slice(1) })).toBeNull();
  });
});

describe('a field of view', () => {
  it('is a sector around its heading', () => {
    expect(sector({ x: 100, y: 100 }, 50, 90, 180)).toBe('M100.0 100.0L100.0 50.0A50.0 50.0 0 0 1 100.0 150.0Z');
    expect(sector({ x: 0, y: 0 }, 10, 0, 270)).toContain(' 0 1 1 ');
    expect(sector({ x: 0, y: 0 }, 10, 0, 360)).not.toContain('L');
  });

  it('is turned to where the pointer is', () => {
    const from = { x: 10, y: 10 };
    expect(bearing(from, { x: 10, y: 0 })).toBeCloseTo(0);
    expect(bearing(from, { x: 20, y: 10 })).toBeCloseTo(90);
    expect(bearing(from, { x: 0, y: 10 })).toBeCloseTo(270);
  });
});

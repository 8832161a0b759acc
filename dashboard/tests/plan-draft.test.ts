import { describe, expect, it } from 'vitest';
import { begin, byKey, changed, put, rebase, redo, tidy, undo } from '../src/views/plan/draft';

const base = new Map([
  ['cam-1', { x: 0.1, y: 0.2, heading: 90, fov: 80, range: 0.2 }],
  ['cam-2', { x: 0.5, y: 0.5 }],
]);

describe('a plan being edited', () => {
  it('knows what is not saved yet, and nothing when it is put back', () => {
    const moved = put(begin(base), 'cam-1', { x: 0.3, y: 0.2, heading: 90, fov: 80, range: 0.2 }, 'drag 1');
    expect(changed(moved)).toEqual(['cam-1']);
    expect(changed(put(moved, 'cam-1', base.get('cam-1') ?? null, 'drag 2'))).toEqual([]);
    expect(changed(put(put(moved, 'cam-2', null, 'a'), 'cam-3', { x: 0, y: 0 }, 'b'))).toEqual(['cam-1', 'cam-2', 'cam-3']);
  });

  it('undoes a whole drag at once, and does it again', () => {
    let draft = begin(base);
    for (const x of [0.2, 0.3, 0.4]) draft = put(draft, 'cam-2', { x, y: 0.5 }, 'drag 1');
    draft = put(draft, 'cam-2', { x: 0.9, y: 0.5 }, 'drag 2');
    draft = undo(draft);
    expect(draft.now.get('cam-2')?.x).toBe(0.4);
    draft = undo(draft);
    expect(draft.now.get('cam-2')?.x).toBe(0.5);
    expect(undo(draft)).toBe(draft);
    expect(redo(redo(draft)).now.get('cam-2')?.x).toBe(0.9);
  });

  it('keeps what was put here when the site has something else', () => {
    const mine = put(begin(base), 'cam-1', { x: 0.7, y: 0.7 }, 'drag 1');
    const theirs = new Map([['cam-1', { x: 0.9, y: 0.9 }], ['cam-2', { x: 0.6, y: 0.6 }], ['cam-9', { x: 0, y: 0 }]]);
    const both = rebase(mine, theirs);
    expect(both.now.get('cam-1')).toEqual({ x: 0.7, y: 0.7 });
    expect(both.now.get('cam-2')).toEqual({ x: 0.6, y: 0.6 });
    expect(both.now.has('cam-9')).toBe(true);
    expect(changed(both)).toEqual(['cam-1']);
    expect(undo(both).now.get('cam-1')).toEqual(base.get('cam-1'));
  });

  it('never leaves the plan, and turns all the way round', () => {
    expect(tidy({ x: -3, y: 1.2, heading: -10, fov: 400, range: 7 })).toEqual({ x: 0, y: 1, heading: 350, fov: 360, range: 1 });
    expect(tidy({ x: NaN, y: 0.123456, heading: 360 })).toEqual({ x: 0, y: 0.1235 });
  });

  it.each([
    ['ArrowLeft', false, { x: 0.4975, y: 0.5 }],
    ['ArrowDown', true, { x: 0.5, y: 0.525 }],
    ['[', false, { x: 0.5, y: 0.5, heading: -5 }],
    ['}', true, { x: 0.5, y: 0.5, heading: 15 }],
    ['.', false, { x: 0.5, y: 0.5, fov: 5 }],
    ['Delete', false, null],
    ['a', false, undefined],
  ])('obeys the key %s', (key, far, to) => {
    expect(byKey({ x: 0.5, y: 0.5 }, key, far)).toEqual(to);
  });
});

import { describe, expect, it } from 'vitest';
import { lintAll, lintScript, lintSpec, lintSvelte } from '../scripts/lint.mjs';

const whats = (found: { what: string }[]): string => found.map((one) => one.what).join('\n');

describe('the laws of the folder', () => {
  it('hold everywhere', () => {
    expect(lintAll()).toEqual([]);
  }, 60_000); // it reads every file, also on a machine that is busy with something else

  it.each([
    ["import { x } from '../data/http';", 'src/parts/x.ts', 'parts may not import data'],
    ["import { x } from '../../wire';", 'src/views/wall/x.ts', 'views may not import wire'],
    ["import { x } from '../state/y.svelte';", 'src/data/x.ts', 'data may not import state'],
    ["export * from '../data';", 'src/fake/x.ts', 'fake may not import data'],
    ["const m = await import('../data/http');", 'src/wire/x.ts', 'wire may not import data'],
    ["import x from 'left-pad';", 'src/data/x.ts', 'only svelte'],
    ['const x: any = 1;', 'src/data/x.ts', 'any'],
    ["void fetch('/x');", 'src/state/x.ts', 'only src/data opens doors'],
    ["new WebSocket('/x');", 'src/views/x.ts', 'only src/data opens doors'],
    ["const u = 'https:" + "//elsewhere.org';", 'src/data/x.ts', 'an address outside'],
  ])('refuse %s in %s', (source, file, what) => {
    expect(whats(lintScript(source, file))).toContain(what);
  });

  it.each([
    ["import { x } from '../../state/y.svelte';", 'src/views/wall/x.ts'],
    ["import { x } from '../wire';", 'src/data/x.ts'],
    ["void door.fetch('/x');", 'src/state/x.ts'],
  ])('allow %s in %s', (source, file) => {
    expect(lintScript(source, file)).toEqual([]);
  });

  it.each([
    ['<p style="color: red"></p>', 'a style attribute'],
    ['{@html word}', '{@html}'],
    ['<p>Belum ada</p>', 'is not a message'],
    ['{#if x}<b>Terima</b>{/if}', 'is not a message'],
    ['<script lang="ts">let x: any = 1;</script>', 'any'],
  ])('refuse %s in a component', (source, what) => {
    expect(whats(lintSvelte(source, 'src/parts/X.svelte'))).toContain(what);
  });

  it.each([
    ['await page.waitForTimeout(100);', 'wait for what should happen'],
    ['await new Promise((r) => setTimeout(r, 5));', 'wait for what should happen'],
    ['if (x) { assert.equal(x, 1); }', 'inside an if'],
    ["test.skip('x', () => {});", 'leaves specs out'],
  ])('refuse %s in a browser spec', (source, what) => {
    expect(whats(lintSpec(source, 'e2e/x.mjs'))).toContain(what);
  });
});

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as m from '../src/paraglide/messages';
import { EVERYWHERE, KEYS } from '../src/views/shell/keys';

const shell = readFileSync('src/views/shell/App.svelte', 'utf8');
/** Component of each lazy view, as the shell loads it. */
const views = [...shell.matchAll(/route\.view === '([a-z-]+)'\}\s*\{#await import\('([^']+)'\)/g)].map(([, view = '', file = '']) => ({ view, file: join('src/views/shell', file) }));

/** How the map writes a key that the console reads from the event. */
const WRITTEN: Record<string, string> = { ' ': 'Space', arrowup: '↑', arrowdown: '↓', escape: 'Esc' };
/** Second names of keys, for hands that know them from elsewhere. */
const ALIASES = ['j', 'k'];

describe('the keyboard map', () => {
  it('has an entry for every view that the shell shows', () => {
    expect(views.length).toBeGreaterThan(5);
    expect(Object.keys(KEYS).sort()).toEqual([...views.map(({ view }) => view), 'console', 'nowhere'].sort());
  });

  it('names every key that the console hears, and no other', () => {
    const source = readFileSync('src/views/wall/Console.svelte', 'utf8');
    const tables = [...source.matchAll(/const (?:HANDLE|LOOK): [^{]*\{(.*?)\n {2}\};/gs)].map(([, table = '']) => table).join('\n');
    const keys = [...tables.matchAll(/^ {4}'?([^:']+)'?:/gm), ...source.matchAll(/ev\.key === '(.+?)'/g)].map(([, key = '']) => key);
    const heard = new Set(keys.filter((key) => !ALIASES.includes(key)).map((key) => WRITTEN[key] ?? (key.length === 1 ? key.toUpperCase() : key)));
    expect(keys.length).toBeGreaterThan(10);
    const listed = KEYS.console.filter((row) => row.range !== true).flatMap((row) => row.keys);
    expect(listed.sort()).toEqual([...heard].sort());
  });

  it('names the search key where there is a search field', () => {
    for (const { view, file } of views) {
      const found = readFileSync(file, 'utf8').includes('type="search"');
      expect([dirname(file), KEYS[view as keyof typeof KEYS].some((row) => row.keys.includes('/'))]).toEqual([dirname(file), found]);
    }
  });

  it('says of each key what it does, once in a view', () => {
    for (const rows of Object.values(KEYS)) {
      const words = [...rows, ...EVERYWHERE].map((row) => row.does());
      expect(new Set(words).size).toBe(words.length);
    }
    expect(EVERYWHERE.some((row) => row.does === m.keys_help)).toBe(true);
  });
});

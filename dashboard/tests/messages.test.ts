import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const read = (locale: string): Record<string, string> => {
  const all = JSON.parse(readFileSync(join('messages', `${locale}.json`), 'utf8')) as Record<string, string>;
  delete all['$schema'];
  return all;
};
const id = read('id');
const en = read('en');
const places = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((hit) => hit[1] ?? '').sort();

function sources(): string {
  return readdirSync('src', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|svelte)$/.test(entry.name) && !entry.parentPath.includes('paraglide'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
}

describe('messages', () => {
  it('have the same keys in Indonesian and English', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(id).sort());
  });

  it('are never empty', () => {
    for (const all of [id, en]) expect(Object.entries(all).filter(([, text]) => text.trim() === '')).toEqual([]);
  });

  it('name the same values in both languages', () => {
    for (const key of Object.keys(id)) expect([key, ...places(en[key] ?? '')]).toEqual([key, ...places(id[key] ?? '')]);
  });

  it('are all used, and none is missing', () => {
    const used = new Set([...sources().matchAll(/\bm\.([a-z0-9_]+)/g)].map((hit) => hit[1] ?? ''));
    expect(Object.keys(id).filter((key) => !used.has(key))).toEqual([]);
    expect([...used].filter((key) => !(key in id))).toEqual([]);
  });
});

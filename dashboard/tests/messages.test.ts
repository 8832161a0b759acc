import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const raw = (locale: string): string => readFileSync(join('messages', `${locale}.json`), 'utf8');
const read = (locale: string): Record<string, string> => {
  const all = JSON.parse(raw(locale)) as Record<string, string>;
  delete all['$schema'];
  return all;
};
/** Words that are the same in both languages. A text that is equal without being here was not translated. */
const SAME = ['prio_info', 'cat_radio', 'role_auditor', 'role_administrator', 'done_taken_detail', 'info_firmware', 'info_model', 'kind_aircraft', 'kind_sensor', 'party_bawaslu', 'panel_drone', 'play_drone', 'play_height_of', 'source_flight', 'source_radio', 'source_video'];
/** Words of one language that have no business in the other. */
const ENGLISH = /\b(the|and|with|please|password|save|cancel|failed|error|click)\b/i;
const INDONESIAN = /\b(dan|yang|dengan|tidak|silakan|kata sandi|simpan|batal|gagal|dari)\b/i;
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

  it('are said once: a key that stands there twice hides its first text', () => {
    for (const locale of ['id', 'en']) {
      const keys = [...raw(locale).matchAll(/^\s*"([^"]+)":/gm)].map((hit) => hit[1] ?? '');
      expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
    }
  });

  it('are translated: equal in both languages only where the words are', () => {
    expect(Object.keys(id).filter((key) => id[key] === en[key]).sort()).toEqual([...SAME].sort());
  });

  it('do not mix the languages', () => {
    expect(Object.entries(id).filter(([, text]) => ENGLISH.test(text))).toEqual([]);
    expect(Object.entries(en).filter(([, text]) => INDONESIAN.test(text))).toEqual([]);
  });

  it('have no blanks at their ends, and no markup', () => {
    for (const all of [id, en]) expect(Object.entries(all).filter(([, text]) => text !== text.trim() || /<\w|&\w+;/.test(text))).toEqual([]);
  });

  it('are all used, and none is missing', () => {
    const code = sources();
    expect(code.match(/\bm\[/g)).toBeNull(); // a key that is put together cannot be checked
    const used = new Set([...code.matchAll(/\bm\.([a-z0-9_]+)/g)].map((hit) => hit[1] ?? ''));
    expect(Object.keys(id).filter((key) => !used.has(key))).toEqual([]);
    expect([...used].filter((key) => !(key in id))).toEqual([]);
  });
});

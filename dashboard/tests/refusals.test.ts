import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { overwriteGetLocale } from '../src/paraglide/runtime';
import { plainly, REFUSALS } from '../src/parts/refusals';

overwriteGetLocale(() => 'id');

const rooms = ['internal/registry', 'internal/app', 'internal/config', 'devices/camera/rtsp'].map((room) => join(import.meta.dirname, '../..', room));
const sources = rooms
  .flatMap((room) => readdirSync(room).filter((file) => file.endsWith('.go') && !file.endsWith('_test.go')).map((file) => readFileSync(join(room, file), 'utf8')))
  .join('\n');

/** The longest run of plain letters in a pattern. */
function wording(pattern: RegExp): string {
  const runs = pattern.source.replaceAll('\\.', '.').split(/\(\?:[^)]*\)|\([^)]*\)|\\[()]|[\^$":]/);
  return runs.map((run) => run.trim()).sort((a, b) => b.length - a.length)[0] ?? '';
}

describe('what the site says in English', () => {
  it('is still said by the site, in these words', () => {
    for (const [pattern] of REFUSALS) expect(sources, String(pattern)).toContain(wording(pattern));
  });

  it('is said in the words of the screen', () => {
    expect(plainly('there is no zone "gudang"; add it first')).toContain('gudang');
    expect(plainly('there is no zone "gudang"; add it first')).not.toContain('there is');
    expect(plainly('0 characters long, want 1 to 64')).toBe('belum diisi');
    expect(plainly('70 characters long, want 1 to 64')).toBe('70 huruf; harus 1 sampai 64');
    expect(plainly('0 is out of range: use 1 to 3650')).toBe('0 di luar batas; isi 1 sampai 3650');
  });

  it('stays as it was said when it is not known', () => {
    expect(plainly('topic "x": want 1 to 256 bytes on one line')).toBe('topic "x": want 1 to 256 bytes on one line');
  });
});

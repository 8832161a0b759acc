import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { overwriteGetLocale } from '../src/paraglide/runtime';
import { explain, fixWord, say, slowWord, whyWord } from '../src/parts/words';
import type { Alert } from '../src/wire';
import { alertParts } from '../src/views/wall/alert-line';

overwriteGetLocale(() => 'id');
const SITE = { timezone: 'Asia/Makassar', zone_name: 'WITA' };
const panic: Alert = {
  id: 'a', rule: 'ht-panik', key: 'k', category: 'ancaman_orang', priority: 'critical', title: { id: 'Tombol panik', en: 'Panic button' },
  device: 'ht-3', zone: 'gudang-belakang', alias: 'Pos 2', state: 'active', raised_at: '2026-11-21T17:07:12.345Z', updated_at: '', count: 1, incident: 'i',
};

describe('the line of an alert', () => {
  it('says state first, place second, time third', () => {
    expect(alertParts(panic, 'Gudang Belakang', 'HT 5100213', SITE).join(' - ')).toBe('KRITIS - Tombol panik - Pos 2 Gudang Belakang - 01.07.12 WITA');
  });

  it('names the device where there is no call sign, and no place twice', () => {
    expect(alertParts({ ...panic, alias: '' }, 'Gudang Belakang', 'MJN-GDB-02', SITE)[2]).toBe('MJN-GDB-02 Gudang Belakang');
    expect(alertParts({ ...panic, alias: 'Pintu Gudang Belakang' }, 'Gudang Belakang', '', SITE)[2]).toBe('Pintu Gudang Belakang');
    expect(alertParts({ ...panic, alias: '' }, 'Gudang Belakang', '', SITE)[2]).toBe('Gudang Belakang');
  });

  it('falls back to the other language', () => {
    expect(say({ id: 'Tombol panik', en: '' })).toBe('Tombol panik');
    expect(say({ id: '', en: 'Panic button' })).toBe('Panic button');
  });
});

describe('errors', () => {
  const refusal = (code: string, status = 400, problem = {}): string => explain({ code, status, problem });

  it('say what to do next', () => {
    expect(refusal('bad_credentials', 401, { retry_after_ms: 4000 })).toBe('Nama atau kata sandi salah. Periksa huruf besar-kecil, lalu coba lagi. Coba lagi dalam 4 detik.');
    expect(refusal('locked', 429, { retry_after_ms: 120_000 })).toContain('Tunggu 2 menit');
    expect(refusal('network', 0)).toContain('coba lagi');
    expect(refusal('second_person', 403)).toContain('Minta danru');
  });

  it('name the field that is wrong', () => {
    expect(refusal('bad_field', 422, { errors: [{ location: 'body.config.url', message: 'no host' }] })).toContain('config.url: no host');
  });

  it('are understood by status when the word is new', () => {
    expect(refusal('brand_new', 500)).toContain('500');
    expect(refusal('brand_new', 403)).toBe(refusal('forbidden', 403));
    expect(explain(new Error('boom'))).toContain('boom');
  });

  it('have a word for every reason that the program knows', () => {
    const known = [...readFileSync('../internal/watch/fault.go', 'utf8').matchAll(/^\tReason\w+\s+Reason = "(\w+)"/gm)].map((hit) => hit[1] ?? '');
    expect(known.length).toBeGreaterThan(15);
    expect(known.filter((reason) => whyWord(reason) === reason)).toEqual([]);
  });

  it('say why a picture comes the slower way, never the code of it', () => {
    const known = [...readFileSync('../internal/view/errors.go', 'utf8').matchAll(/^\tReason\w+\s+= "(\w+)"/gm)].map((hit) => hit[1] ?? '');
    expect(known.length).toBeGreaterThan(3);
    expect(known.filter((reason) => slowWord(reason) === slowWord('anything else'))).toEqual([]);
  });

  it('explain every reason a camera may have', () => {
    for (const reason of ['unreachable', 'refused', 'not_found', 'no_frames', 'reset', 'unsupported', 'insecure', 'protocol']) {
      expect(whyWord(reason)).not.toBe(reason);
      expect(fixWord(reason)).not.toBe(fixWord('something new'));
    }
  });
});

import { describe, expect, it } from 'vitest';
import { overwriteGetLocale } from '../src/paraglide/runtime';
import { agentWord } from '../src/parts/agent';
import { rightsInWords } from '../src/parts/rights';
import { explain } from '../src/parts/words';

overwriteGetLocale(() => 'id');

describe('the own account', () => {
  it('says rights in words, with how far they reach', () => {
    expect(rightsInWords({ audit: 'own', live_console: 'full', device_password: '' })).toEqual([
      { right: 'live_console', word: 'Melihat konsol langsung', limit: '' },
      { right: 'audit', word: 'Membaca catatan: siapa masuk, melihat, mengubah', limit: 'milik sendiri' },
    ]);
  });

  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36', 'Chrome di Linux'],
    ['Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36', 'Chrome di Android'],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0', 'Edge di Windows'],
    ['Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox di Windows'],
    ['curl/8.5.0', 'curl/8.5.0'],
    ['', 'Peramban tidak dikenal'],
  ])('recognises %s', (agent, word) => expect(agentWord(agent)).toBe(word));
});

describe('who was first', () => {
  const problem = { by: 'p-1', by_name: 'Sari', at: '2026-11-21T17:07:12.345Z', state: 'resolved' as const };
  it('is said with what and when, and what to do', () => {
    const site = { timezone: 'Asia/Makassar', zone_name: 'WITA' };
    expect(explain({ code: 'taken', status: 409, problem }, site)).toBe('Sari sudah lebih dulu: Selesai, 01.07.12 WITA.');
    expect(explain({ code: 'wrong_state', status: 409, problem }, site)).toContain('belum terkirim');
    expect(explain({ code: 'wrong_state', status: 409, problem: {} }, site)).not.toContain('undefined');
  });
});

import { describe, expect, it } from 'vitest';
import { credentialsTable, guessFormat, lineSpan, removalOf } from '../src/views/devices/document';

describe('a document to import', () => {
  it.each([
    ['daftar.CSV', '', 'csv'],
    ['situs.yml', '', 'yaml'],
    ['', '{"devices": []}', 'json'],
    ['', 'id,name,kind\n', 'csv'],
    ['', 'version: 1\nzones:\n  - {id: a, name: b}', 'yaml'],
    ['daftar.txt', '\n  id , name', 'csv'],
  ])('called %j that begins with %j is %s', (name, text, format) => {
    expect(guessFormat(name, text)).toBe(format);
  });

  it('is taken back by removing what it added, and nothing else', () => {
    const change = (what: 'zone' | 'device', id: string, action: 'added' | 'changed') => ({ row: 1, what, id, action, notes: [] });
    expect(removalOf([change('zone', 'z', 'added'), change('device', 'd', 'added'), change('device', 'e', 'changed')])).toBe('\nremove:\n  - {zone: "z"}\n  - {device: "d"}\n');
    expect(removalOf([change('device', 'e', 'changed')])).toBe('');
  });

  it('shows the line at fault', () => {
    expect(lineSpan('satu\ndua\ntiga', 2)).toEqual([5, 8]);
    expect(lineSpan('satu\ndua', 9)).toEqual([5, 8]);
  });
});

describe('new MQTT credentials as a table', () => {
  it('cannot be taken for formulas', () => {
    expect(credentialsTable([{ user: 'ht', password: '=1+1', topics: ['a/#', 'b,c'] }])).toBe('user,password,topics\nht,\'=1+1,"a/# b,c"\n');
  });
});

import type { DocumentFormat } from '../../data/importing';
import type { ImportChange, MqttCredential } from '../../data';

/** What a document probably is: by its name, or by how it begins. */
export function guessFormat(name: string, text: string): DocumentFormat {
  const end = /\.(csv|ya?ml|json)$/i.exec(name)?.[1]?.toLowerCase();
  if (end !== undefined) return end === 'csv' || end === 'json' ? end : 'yaml';
  const [first = ''] = text.trimStart().split(/\r?\n/, 1);
  if (first.startsWith('{')) return 'json';
  return /^"?[a-z_.]+"?\s*,/i.test(first) ? 'csv' : 'yaml';
}

/** What a document must end with to take back what an import added. */
export function removalOf(changes: readonly ImportChange[]): string {
  const added = changes.filter((one) => one.action === 'added');
  if (added.length === 0) return '';
  return ['', 'remove:', ...added.map((one) => `  - {${one.what}: "${one.id}"}`), ''].join('\n');
}

/** A cell of a table; what a spreadsheet would take for a formula is put in quotes of its own. */
function cell(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function credentialsTable(list: readonly MqttCredential[]): string {
  const rows = list.map((one) => [one.user, one.password, (Array.isArray(one.topics) ? one.topics : (one.topics?.publish ?? [])).join(' ')].map(cell).join(','));
  return ['user,password,topics', ...rows, ''].join('\n');
}

export const EXAMPLE = [
  'id,name,alias,kind,zone,config.url,config.sub_url,config.username,secrets.password',
  'gdg-kamera-1,GDG-01,Gudang 1,rtsp,gudang-induk,rtsp://192.168.10.21/Streaming/Channels/101,rtsp://192.168.10.21/Streaming/Channels/102,siaga,sandi-kamera',
  '',
].join('\n');

/** Where a line begins and ends in a text, to show it to who has to mend it. */
export function lineSpan(text: string, line: number): [number, number] {
  let from = 0;
  for (let at = 1; at < line; at++) {
    const next = text.indexOf('\n', from);
    if (next < 0) return [from, text.length];
    from = next + 1;
  }
  const end = text.indexOf('\n', from);
  return [from, end < 0 ? text.length : end];
}

// What a browser says of itself, cut down to what a person recognises.
import * as m from '../paraglide/messages';

const BROWSERS: readonly [RegExp, string][] = [
  [/Edg\//, 'Edge'],
  [/Firefox\//, 'Firefox'],
  [/SamsungBrowser\//, 'Samsung Internet'],
  [/Chrom(e|ium)\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];
const SYSTEMS: readonly [RegExp, string][] = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Windows/, 'Windows'],
  [/Mac OS/, 'macOS'],
  [/Linux|X11/, 'Linux'],
];

const first = (table: readonly [RegExp, string][], text: string): string => table.find(([form]) => form.test(text))?.[1] ?? '';

export function agentWord(agent: string): string {
  const browser = first(BROWSERS, agent);
  const system = first(SYSTEMS, agent);
  if (browser === '' || system === '') return agent.split(' ', 1)[0] || m.session_unknown_agent();
  return m.session_agent({ browser, system });
}

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const page = readFileSync('src/views/style/Page.svelte', 'utf8');

describe('the style page', () => {
  it('shows every part', () => {
    const parts = readdirSync('src/parts').filter((name) => name.endsWith('.svelte')).map((name) => name.replace('.svelte', ''));
    expect(parts.length).toBeGreaterThan(5);
    expect(parts.filter((name) => !page.includes(`<Part name="${name}">`) || !page.includes(`<${name} `))).toEqual([]);
  });

  it('shows the rows of the queue', () => {
    const rows = readFileSync('src/views/style/QueueRows.svelte', 'utf8');
    expect(page).toContain('<QueueRows />');
    for (const name of ['AlertRow', 'CaseRow', 'ActionCard']) expect(rows).toContain(`<Part name="${name}">`);
  });

  it('is linked from nowhere and loaded only when asked for', () => {
    const others = readdirSync('src', { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|svelte)$/.test(entry.name) && !/paraglide|views\/style/.test(entry.parentPath))
      .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, 'utf8'))
      .join('\n');
    expect(others).not.toContain('/gaya');
    expect(others.match(/views?\/style|\.\.\/style/g)).toEqual(['../style']);
    expect(others).toContain("await import('../style/Page.svelte')");
  });
});

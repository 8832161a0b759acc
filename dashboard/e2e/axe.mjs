// What a screen reader and a narrow screen would trip over.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
export const SIZES = [{ width: 1920, height: 1080 }, { width: 390, height: 844 }];

/** Serious findings of axe as the page stands, one line each. */
export async function serious(page) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE);
  const { violations } = await page.evaluate((runOnly) => window.axe.run(document, { runOnly, resultTypes: ['violations'] }), RULES);
  return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 140)).join(' | ')}`);
}

/** Serious findings at both sizes, one line each. */
export async function findings(page, what) {
  const found = [];
  for (const size of SIZES) {
    await page.setViewportSize(size);
    found.push(...(await serious(page)).map((one) => `${what} at ${size.width}: ${one}`));
    const sideways = await page.evaluate(() => {
      if (document.documentElement.scrollWidth <= window.innerWidth) return [];
      return [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > window.innerWidth + 1).map((one) => `<${one.localName} class="${one.className}">`);
    });
    if (sideways.length > 0) found.push(`${what} at ${size.width}: sideways: ${sideways.slice(0, 4).join(' ')}`);
  }
  await page.setViewportSize(SIZES[0]);
  return found;
}

// Runs every browser spec against one real demo site: npm run e2e (SIAGA_BIN names another program, ONLY a part of it).
import { after, before } from 'node:test';
import { accessSpecs } from './access.spec.mjs';
import { accountSpecs } from './account.spec.mjs';
import { benchSpecs } from './bench.spec.mjs';
import { consoleSpecs } from './console.spec.mjs';
import { delaySpecs } from './delay.spec.mjs';
import { keyboardSpecs } from './keyboard.spec.mjs';
import { linkSpecs } from './link.spec.mjs';
import { nightSpecs } from './night.spec.mjs';
import { pagesSpecs } from './pages.spec.mjs';
import { memorySpecs } from './memory.spec.mjs';
import { historySpecs } from './history.spec.mjs';
import { openBrowser } from './people.mjs';
import { sealedSpecs } from './sealed.spec.mjs';
import { Site } from './site.mjs';

const house = {};
const parts = { console: consoleSpecs, night: nightSpecs, keyboard: keyboardSpecs, link: linkSpecs, bench: benchSpecs, pages: pagesSpecs, history: historySpecs, delay: delaySpecs, access: accessSpecs, account: accountSpecs, sealed: sealedSpecs, memory: memorySpecs };

before(async () => {
  house.site = await Site.start();
  house.browser = await openBrowser();
});
after(async () => {
  await house.browser?.close();
  await house.site?.stop();
});

for (const [name, specs] of Object.entries(parts)) {
  if ((process.env.ONLY ?? name) === name) specs(house);
}

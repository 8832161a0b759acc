// One real demo site and one browser for a list of specs; ONLY="night,history" runs a part of them.
import { after, afterEach, before } from 'node:test';
import { openBrowser, Seat } from './people.mjs';
import { Site } from './site.mjs';

const chosen = process.env.ONLY?.split(',');

/** Runs these specs, by name, one after another in a house of their own. */
export function inhabit(parts) {
  const run = Object.entries(parts).filter(([name]) => chosen === undefined || chosen.includes(name));
  if (run.length === 0) return;
  const house = {};
  before(async () => {
    house.site = await Site.start();
    house.browser = await openBrowser();
  });
  afterEach(Seat.clear);
  after(async () => {
    await house.browser?.close();
    await house.site?.stop();
  });
  for (const [, specs] of run) specs(house);
}

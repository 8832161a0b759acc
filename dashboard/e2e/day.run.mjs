// Everything but the night, in one house and in this order: the technician comes last, since he changes the site.
import { accessSpecs } from './access.spec.mjs';
import { accountSpecs } from './account.spec.mjs';
import { benchSpecs } from './bench.spec.mjs';
import { consoleSpecs } from './console.spec.mjs';
import { delaySpecs } from './delay.spec.mjs';
import { historySpecs } from './history.spec.mjs';
import { inhabit } from './house.mjs';
import { keyboardSpecs } from './keyboard.spec.mjs';
import { linkSpecs } from './link.spec.mjs';
import { memorySpecs } from './memory.spec.mjs';
import { oddSpecs } from './odd.spec.mjs';
import { pagesSpecs } from './pages.spec.mjs';
import { sealedSpecs } from './sealed.spec.mjs';
import { standbySpecs } from './standby.spec.mjs';
import { statesSpecs } from './states.spec.mjs';
import { technicianSpecs } from './technician.spec.mjs';

inhabit({
  console: consoleSpecs,
  keyboard: keyboardSpecs,
  link: linkSpecs,
  bench: benchSpecs,
  pages: pagesSpecs,
  history: historySpecs,
  delay: delaySpecs,
  access: accessSpecs,
  states: statesSpecs,
  standby: standbySpecs,
  account: accountSpecs,
  sealed: sealedSpecs,
  memory: memorySpecs,
  odd: oddSpecs,
  technician: technicianSpecs,
});

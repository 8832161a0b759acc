// What happens at a desk by day: the technician's bench, the pages, the chair's history, every page for a screen reader.
import { accessSpecs } from './access.spec.mjs';
import { benchSpecs } from './bench.spec.mjs';
import { delaySpecs } from './delay.spec.mjs';
import { historySpecs } from './history.spec.mjs';
import { inhabit } from './house.mjs';
import { pagesSpecs } from './pages.spec.mjs';
import { technicianSpecs } from './technician.spec.mjs';

inhabit({ bench: benchSpecs, technician: technicianSpecs, pages: pagesSpecs, history: historySpecs, delay: delaySpecs, access: accessSpecs });

// What happens before the wall: the guard's night, the keys, the line, the own account.
import { accountSpecs } from './account.spec.mjs';
import { consoleSpecs } from './console.spec.mjs';
import { inhabit } from './house.mjs';
import { keyboardSpecs } from './keyboard.spec.mjs';
import { linkSpecs } from './link.spec.mjs';
import { memorySpecs } from './memory.spec.mjs';
import { nightSpecs } from './night.spec.mjs';
import { oddSpecs } from './odd.spec.mjs';
import { sealedSpecs } from './sealed.spec.mjs';

inhabit({ console: consoleSpecs, night: nightSpecs, keyboard: keyboardSpecs, link: linkSpecs, account: accountSpecs, odd: oddSpecs, sealed: sealedSpecs, memory: memorySpecs });

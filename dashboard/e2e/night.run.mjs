// The guard's night in a house of its own: it is full of waiting, which the other specs need not share.
import { inhabit } from './house.mjs';
import { nightSpecs } from './night.spec.mjs';

inhabit({ night: nightSpecs });

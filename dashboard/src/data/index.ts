// What the rest of the page may know of the site's messages and doors.
export type * from '../wire';
export { ApiError } from './http';

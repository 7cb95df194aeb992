import { C } from './abi.js';

export { FOREVER, NO_LIMIT, SkafuError, constant } from './library.js';
export { Batch, Cursor, Query, Store } from './store.js';
export { Edit, Engine, Model, Turn, View } from './model.js';
export { Subscription } from './subscription.js';

/** The version of the library that is loaded. */
export const version = () => C.version_text();

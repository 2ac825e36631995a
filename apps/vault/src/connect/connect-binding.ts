/** The BrowserBinding of trips to providers. */
export const CONNECT_BINDING = Symbol('BrowserBinding of trips to providers');

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Takes whatever it is told, as a collector does that has nobody to tell. */
const sink = createServer((request, response) => {
  request.resume().on('end', () => response.end());
});
sink.listen(0, '127.0.0.1', () => process.send?.((sink.address() as AddressInfo).port));
process.on('disconnect', () => process.exit());

import type { Asked } from './harness/asked.js';
import { openLoad, type OpenLoad } from './overload/open-load.js';

/* A process that asks in an open loop and does nothing else; of cases/overload.ts. */
process.on('message', ({ asked, load }: { readonly asked: readonly Asked[]; load: OpenLoad }) => {
  void openLoad(asked, load).then(
    (figures) => process.send?.(figures),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());

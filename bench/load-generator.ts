import { generateLoad } from './harness/generate-load.js';
import type { LoadRequest, LoadReply } from './harness/load-process.js';
import type { Asked } from './harness/asked.js';

/* The process of harness/load-process.ts. */

const kept = new Map<string, readonly Asked[]>();

async function reply(request: LoadRequest): Promise<LoadReply> {
  if ('asked' in request) {
    kept.set(request.as, request.asked);
    return { kept: request.as };
  }
  return { figures: await generateLoad(kept.get(request.of) ?? [], request.load) };
}

process.on('message', (request: LoadRequest) => {
  void reply(request)
    .catch((error: unknown): LoadReply => ({ failed: String(error) }))
    .then((message) => process.send?.(message));
});
process.on('disconnect', () => process.exit());

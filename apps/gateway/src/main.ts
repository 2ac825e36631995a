import { growUnderLoad } from '#lib/process/young-generation';
import { boundHeapGrowth } from '#lib/process/heap-growth';
import { runAsProcess } from '#lib/process/lifecycle';
import { readGatewayConfig } from './config.js';

// What has to be loaded to serve is loaded when this runs: a module's own imports are read before its first line.
async function main(): Promise<void> {
  const config = readGatewayConfig(process.env);
  if (config.workers > 1) {
    const { supervise } = await import('./workers/supervise.js');
    return supervise(config, process.env);
  }
  const { serve } = await import('./serve.js');
  await serve(config, process.env);
  boundHeapGrowth();
  // Not yet: what the first seconds leave behind is still part of the start.
  setTimeout(growUnderLoad, 5_000).unref();
}

runAsProcess(import.meta.url, main);

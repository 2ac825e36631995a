import type { BenchCase } from '../harness/bench-case.js';

export const http: BenchCase = {
  name: 'http',
  title: 'calls through /http/{upstream} against the upstream itself, bare proxies and HAProxy',
  run: (_effort, progress) => {
    progress('nothing is measured yet');
    return Promise.resolve({
      measurements: [],
      bars: [],
      skipped: [{ subject: 'all', why: 'not there yet' }],
    });
  },
};

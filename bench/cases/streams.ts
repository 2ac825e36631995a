import { MeasuredGateway } from '../cold/measured-gateway.js';
import { SigningIssuer } from '../cold/signing-issuer.js';
import type { BenchCase, CaseResult, Effort } from '../harness/bench-case.js';
import { largeBodies } from '../streams/large-bodies.js';
import { openStreams, type StreamRequest } from '../streams/open-streams.js';
import { UpstreamProcess } from '../streams/upstream-process.js';

// One person may have 128 calls open.
const streamsPerPerson = 20;
const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
};
const toolCall = JSON.stringify({
  ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
  params: { name: 'watch', arguments: {}, _meta: meta },
});
const toolCallHeaders = {
  ...{ 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
  ...{ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'watch' },
};

export const streams: BenchCase = {
  name: 'streams',
  title: 'many streams of events at once, and large bodies, through the gateway and directly',
  run: async (effort, progress) => {
    const issuer = await SigningIssuer.start('ES256');
    const upstream = await UpstreamProcess.start();
    const gateway = await MeasuredGateway.start(
      [issuer.config],
      [upstream.as('files', 'http'), upstream.as('tools', 'mcp')],
    );
    try {
      return await measured(effort, { issuer, upstream, gateway, progress });
    } finally {
      await gateway.stop();
      upstream.stop();
      await issuer.stop();
    }
  },
};

interface Running {
  readonly issuer: SigningIssuer;
  readonly upstream: UpstreamProcess;
  readonly gateway: MeasuredGateway;
  readonly progress: (line: string) => void;
}

async function measured(
  effort: Effort,
  { issuer, upstream, gateway, progress }: Running,
): Promise<CaseResult> {
  const full = effort.rounds > 1;
  const count = full ? 2_000 : 200;
  const bytes = full ? 2 ** 30 : 2 ** 26;
  const bearer = (person: string) => ({
    authorization: `Bearer ${issuer.token(person, gateway.origin)}`,
  });
  const people = Array.from({ length: Math.ceil(count / streamsPerPerson) }, (_, i) =>
    bearer(`person-${i}`),
  );
  const of = (nth: number) => people[nth % people.length] ?? {};
  const directly = (): StreamRequest => ({
    ...{ subject: 'the upstream directly', url: `${upstream.origin}/events` },
    ...{ method: 'GET', headers: {} },
  });
  const byHttp = (nth: number): StreamRequest => ({
    ...{ subject: '/http/{upstream}', url: `${gateway.origin}/http/files/events` },
    ...{ method: 'GET', headers: { ...of(nth), accept: 'text/event-stream' } },
  });
  const byMcp = (nth: number): StreamRequest => ({
    ...{ subject: '/mcp/{upstream}, tools/call', url: `${gateway.origin}/mcp/tools` },
    ...{ method: 'POST', headers: { ...of(nth), ...toolCallHeaders }, body: toolCall },
  });
  progress(`${count} streams directly, through /http and /mcp`);
  const opened = [
    await openStreams(count, directly, undefined, upstream),
    await openStreams(count, byHttp, gateway, upstream),
    await openStreams(count, byMcp, gateway, upstream),
  ];
  progress(`${bytes / 2 ** 20} MiB each way`);
  const { origin } = upstream;
  const direct = { subject: 'the upstream directly', root: origin, headers: {}, pid: undefined };
  const through = {
    ...{ subject: '/http/{upstream}', root: `${gateway.origin}/http/files` },
    ...{ headers: bearer('person-0'), pid: gateway.pid },
  };
  const bodies = [...(await largeBodies(direct, bytes)), ...(await largeBodies(through, bytes))];
  return {
    measurements: [...opened, ...bodies],
    bars: [],
    skipped: [
      {
        subject: '/mcp/{upstream}, GET streams of sessions before 2026-07-28',
        why: 'each wants an upstream session of its own; POST answered by a stream stands for them',
      },
    ],
  };
}

import replyFrom from '@fastify/reply-from';
import { fastify } from 'fastify';

/* A proxy as it is put together from parts: Fastify and @fastify/reply-from, which verify nothing either. */
const [origin = '', token = ''] = process.argv.slice(2);
const authorization = `Bearer ${token}`;

const app = fastify();
app.removeAllContentTypeParsers();
// A body goes on as it comes, not read and written again.
app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
await app.register(replyFrom, { base: origin });
app.all('/*', (request, reply) =>
  reply.from(request.url, {
    rewriteRequestHeaders: (_request, headers) => ({ ...headers, authorization }),
  }),
);
const address = await app.listen({ port: 0, host: '127.0.0.1' });
process.send?.(Number(new URL(address).port));
process.on('disconnect', () => process.exit());

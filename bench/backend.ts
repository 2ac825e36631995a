import { jsonAnswer, serveRaw } from './harness/raw-server.js';

/** The upstream of all variants: JSON of as many bytes as the end of the path says, `/items/1024`. */
const answers = new Map<string, Buffer>();

function answerOf(bytes: string): Buffer {
  const known = answers.get(bytes);
  if (known !== undefined) return known;
  const body = JSON.stringify({ rows: 'x'.repeat(Number(bytes) - '{"rows":""}'.length) });
  const answer = Buffer.from(jsonAnswer(body));
  answers.set(bytes, answer);
  return answer;
}

serveRaw({
  wantsBodies: false,
  answer: ({ head }) => {
    const end = head.indexOf(' HTTP/1.1');
    return answerOf(head.slice(head.lastIndexOf('/', end) + 1, end));
  },
});

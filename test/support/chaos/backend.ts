/**
 * A backend process of the chaos run, on the port it is told. It answers /fast at once, /slow after as many
 * milliseconds as `?ms=` says, and writes the id of each request that it has received whole to standard output: a pipe
 * takes it at once, so nothing is forgotten when the process is killed.
 */
import { writeSync } from 'node:fs';
import { createServer } from 'node:http';

const port = Number(process.argv[2]);
createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://x');
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
  });
  request.on('error', () => response.destroy());
  request.on('end', () => {
    const id = request.headers['x-chaos-id'];
    if (typeof id === 'string') writeSync(1, `${id}\n`);
    const answer = (): void => void response.end(`${port} ${size}`);
    if (url.pathname === '/slow') setTimeout(answer, Number(url.searchParams.get('ms')));
    else answer();
  });
}).listen(port, '127.0.0.1', () => process.send?.('listening'));
process.on('disconnect', () => process.exit());

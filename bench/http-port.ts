/** Serves HTTP on a port (first argument) from a backend (second), for the measurements in this folder. */
import { HttpProxy } from '../test/support/http/proxy.ts';

const [listen, backend] = process.argv.slice(2).map(Number);
await HttpProxy.start({ ports: [backend!], listen: listen!, isQuiet: true });

import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { forgetReader } from './shared-read.ts';

/**
 * Cuts a socket that has closed from whoever listened to it. Of every stream something is made among old objects: the
 * engine takes a function that is assigned to a property (`this.onwrite = …` in Node's) for a method that will stay.
 * Collections of young objects, which are the cheap ones, do not see that it is dead, nor anything that it leads to: a
 * session or a request with all its parts was copied to the old ones too, and stayed until the whole heap was marked.
 */
export function letGo(socket: Socket): void {
  // Its own `removeAllListeners` takes another turn of the loop.
  EventEmitter.prototype.removeAllListeners.call(socket);
  forgetReader(socket);
}

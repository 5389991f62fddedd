import { MAX_HEADERS, MAX_REQUEST_HEAD_BYTES } from '../h1/limits.ts';

/** Requests of one client at the same time (E09). */
const MAX_STREAMS = 100;
/** Of a request's body, before the exchange has taken it; also how much one read of a body may bring. */
const STREAM_WINDOW = 65_535;

/** What a client is told and held to. `Patience` is the rest. */
export const SESSION_OPTIONS = {
  settings: {
    maxConcurrentStreams: MAX_STREAMS,
    initialWindowSize: STREAM_WINDOW,
    maxHeaderListSize: MAX_REQUEST_HEAD_BYTES,
  },
  // Crumbs of a cookie are pairs of their own, and pseudo-header fields too (E04, B15).
  maxHeaderListPairs: MAX_HEADERS * 3,
  // Megabytes: streams, header tables and what waits to be sent.
  maxSessionMemory: 10,
  maxOutstandingPings: 10,
  maxOutstandingSettings: 10,
  maxSettings: 32,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  // Resets are counted by `Patience`, against the streams that end well; this is for those it does not see in time.
  streamResetBurst: 10_000,
  streamResetRate: 1_000,
  // A backend's response is passed on as it is, repeated fields included.
  strictSingleValueFields: false,
};

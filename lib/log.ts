import { destination, pino, type Logger } from 'pino';

/** What waits to be written where nothing can be; more is dropped. */
const MAX_WAITING_BYTES = 1_048_576;

/**
 * A structured log on standard error, one JSON line an event; every thread writes its own whole lines. Where it cannot
 * be written (a disk is full, a reader is gone) that is `failed`, and nothing else stops for it.
 */
export function createLog(level: string, fd = 2, failed: () => void = () => undefined): Logger {
  const output = destination({ fd, sync: true, maxLength: MAX_WAITING_BYTES });
  output.on('error', failed);
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: escapeControls },
    },
    output,
  );
}

/** What JSON leaves as it is and terminals obey, or take for the end of a line. */
const CONTROLS = /[\x7f-\x9f\u2028\u2029]/g;

function escapeControls(line: string): string {
  return line.replace(CONTROLS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

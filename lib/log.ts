import { destination, pino, type Logger } from 'pino';

/** A structured log on standard error, one JSON line an event; every thread writes its own whole lines. */
export function createLog(level: string, fd = 2): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination({ fd, sync: true }),
  );
}

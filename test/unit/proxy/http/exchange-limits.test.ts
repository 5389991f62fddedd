import { describe, expect, it } from 'vitest';
import { ExchangeLimits, stallCode } from '../../../../proxy/http/exchange-limits.ts';
import type { RouteTarget } from '../../../../proxy/http/route-target.ts';

function target(over: Partial<RouteTarget> = {}): RouteTarget {
  return {
    requestMs: Infinity,
    backendRequestMs: Infinity,
    perTryMs: Infinity,
    responseHeaderMs: 60_000,
    idleMs: 10_000,
    ...over,
  } as RouteTarget;
}

describe('ExchangeLimits', () => {
  it('bind nothing before a request begins', () => {
    const limits = new ExchangeLimits();
    expect(limits.next).toBe(Infinity);
    expect(limits.reached(1e12)).toBeUndefined();
  });

  it('give a whole request the time for a response head', () => {
    const limits = new ExchangeLimits();
    limits.requestBegins(target(), 1_000);
    limits.attemptBegins(target(), 1_000, true);
    expect(limits.next).toBe(61_000);
    expect(limits.reached(61_000)).toBe('response-head');
    limits.responseBegins(target());
    expect(limits.next).toBe(Infinity);
  });

  it('ask of a body that it moves, and of the backend nothing until it has it all', () => {
    const limits = new ExchangeLimits();
    const upload = target();
    limits.attemptBegins(upload, 0, false);
    expect(limits.reached(10_000)).toBe('stall');
    limits.moved(upload, 9_000);
    expect(limits.next).toBe(19_000);
    limits.requestSent(upload, 15_000);
    expect(limits.next).toBe(75_000);
  });

  it('hold a try to the shorter of its limits until its head comes, and then to the request to the backend', () => {
    const limits = new ExchangeLimits();
    const timed = target({ backendRequestMs: 5_000, perTryMs: 2_000 });
    limits.attemptBegins(timed, 1_000, true);
    expect(limits.reached(3_000)).toBe('attempt');
    limits.responseBegins(timed);
    expect(limits.next).toBe(6_000);
  });

  it('hold the request to its own limit over all tries', () => {
    const limits = new ExchangeLimits();
    const timed = target({ requestMs: 4_000, perTryMs: 3_000 });
    limits.requestBegins(timed, 0);
    limits.attemptBegins(timed, 0, true);
    limits.attemptEnds();
    expect(limits.next).toBe(4_000);
    limits.attemptBegins(timed, 3_000, true);
    expect(limits.reached(4_000)).toBe('request');
  });

  it('ask of a tunnel only that it moves', () => {
    const limits = new ExchangeLimits();
    const timed = target({ requestMs: 1_000, backendRequestMs: 1_000 });
    limits.requestBegins(timed, 0);
    limits.attemptBegins(timed, 0, true);
    limits.tunnelBegins();
    limits.moved(timed, 0);
    expect(limits.next).toBe(10_000);
  });

  it('bind a body that is waited for to route by, until it is there', () => {
    const limits = new ExchangeLimits();
    limits.bodyMatchBegins(5_000, 1_000);
    expect(limits.next).toBe(6_000);
    expect(limits.reached(6_000)).toBe('body-match');
    limits.bodyMatchEnds();
    expect(limits.next).toBe(Infinity);
  });

  it('bind nothing of the next request', () => {
    const limits = new ExchangeLimits();
    limits.bodyMatchBegins(5_000, 0);
    limits.requestBegins(target({ requestMs: 1_000 }), 0);
    limits.attemptBegins(target({ perTryMs: 1_000 }), 0, false);
    limits.reset();
    expect(limits.next).toBe(Infinity);
  });
});

describe('stallCode', () => {
  const flowing = { isRequest: true, isBackendFull: false, isClientFull: false };

  it('blames whoever is full, else whoever owes the body', () => {
    expect(stallCode(flowing)).toBe('DOWNSTREAM_BODY_TIMEOUT');
    expect(stallCode({ ...flowing, isBackendFull: true })).toBe('UPSTREAM_IDLE');
    expect(stallCode({ ...flowing, isRequest: false })).toBe('UPSTREAM_IDLE');
    expect(stallCode({ ...flowing, isRequest: false, isClientFull: true })).toBe('DOWNSTREAM_IDLE');
  });
});

import { describe, expect, it } from 'vitest';
import { EgressGate } from './egress-gate.js';

const ruled = new EgressGate({
  methods: ['GET', 'POST'],
  paths: ['/items/*', '/items/**', '/files/**'],
});
const sockets = new EgressGate({ paths: ['/live'], webSocket: true });
const unruled = new EgressGate();

describe('what egress says of a call', () => {
  it.each([
    [ruled, 'GET', '/items/7', false, { kind: 'allowed', path: '/items/*' }],
    [ruled, 'POST', '/files/a/b', false, { kind: 'allowed', path: '/files/**' }],
    [ruled, 'DELETE', '/items/7', false, { kind: 'refused', because: 'methods' }],
    [ruled, 'get', '/items/7', false, { kind: 'refused', because: 'methods' }],
    [ruled, 'DELETE', '/elsewhere', false, { kind: 'refused', because: 'methods' }],
    [ruled, 'GET', '/elsewhere', false, { kind: 'refused', because: 'paths' }],
    [ruled, 'GET', '/items/7', true, { kind: 'refused', because: 'webSocket' }],
    [sockets, 'GET', '/live', true, { kind: 'allowed', path: '/live' }],
    [sockets, 'GET', '/other', true, { kind: 'refused', because: 'paths' }],
    [unruled, 'PURGE', '/any', false, { kind: 'allowed', path: undefined }],
    [unruled, 'GET', '', true, { kind: 'refused', because: 'webSocket' }],
    [unruled, 'TRACE', '/any', false, { kind: 'refused', because: 'never' }],
    [unruled, 'CONNECT', '/any', false, { kind: 'refused', because: 'never' }],
  ] as const)('%#: %s %s', (gate, method, path, webSocket, decision) => {
    expect(gate.decide(method, path, webSocket)).toEqual(decision);
  });
});

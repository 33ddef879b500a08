// One session of a client: it waits for its slot, sends messages of which each must come back, and gives the slot back.
//
// A gateway answers the handshake when the client has a slot, so the time until `onopen` is the client's wait.
import { WebSocket } from 'k6/experimental/websockets';
import { Counter, Trend } from 'k6/metrics';

const url = __ENV.BERTH_URL || 'ws://127.0.0.1:8080/pool/load/echo';
/** Slots that the gateway's workers offer. */
export const slots = Number(__ENV.SLOTS || 4);

const wait = new Trend('berth_wait', true);
const served = new Counter('berth_served');
const failed = new Counter('berth_failed');

/** A random time with this mean. */
export function exponential(meanMs) {
  return -Math.log(1 - Math.random()) * meanMs;
}

/**
 * @param tenant  sent as `x-berth-tenant`, which a gateway in open mode takes; with keys, send `Authorization` instead
 * @param group   the tag of the metrics
 * @param shape   the session: `holdMs`, in which `messages` of `bytes` are sent
 */
export function session(tenant, group, { holdMs, messages, bytes }) {
  const tags = { group };
  const text = 'x'.repeat(bytes);
  const began = Date.now();
  let left = messages;
  let isServed = false;
  const socket = new WebSocket(url, null, { headers: { 'x-berth-tenant': tenant }, tags });
  socket.onopen = () => {
    wait.add(Date.now() - began, tags);
    socket.send(text);
  };
  socket.onmessage = (message) => {
    left -= 1;
    isServed = left === 0 && message.data === text;
    setTimeout(() => (left > 0 ? socket.send(text) : socket.close()), holdMs / messages);
  };
  socket.onerror = (event) => {
    console.error(`${tenant}: ${event.error}`);
  };
  socket.onclose = () => {
    (isServed ? served : failed).add(1, tags);
  };
}

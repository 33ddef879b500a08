// Of many tenants with caps from 1 to 5 one sends far more than its share. Do the others notice?
//
//   k6 run --env BERTH_URL=ws://127.0.0.1:8080/pool/load/echo --env SLOTS=100 loadtest/k6/agent-swarm.js
//
// The gateway's file has the caps: `agent-1: { cap: 1 }` to `agent-5: { cap: 5 }`, again from 1, and `flood: { cap: 5 }`.
// The model is open: clients come at their times, however many wait. Too few VUs would drop some, so that is a failure.
import exec from 'k6/execution';
import { exponential, session, slots } from './session.js';

const agents = Number(__ENV.AGENTS || 200);
const seconds = Number(__ENV.SECONDS || 20);
const holdMs = 500;
const shape = { holdMs, messages: 20, bytes: 300 };

/** Clients come at this rate. Each may have to wait until the last one has come. */
function arrivals(perSecond, name) {
  const vus = Math.ceil(perSecond * seconds);
  return {
    executor: 'constant-arrival-rate', exec: name, rate: Math.round(perSecond * 60), timeUnit: '1m',
    duration: `${seconds}s`, gracefulStop: '10m', preAllocatedVUs: vus, maxVUs: vus,
  };
}

export const options = {
  scenarios: {
    agents: arrivals((0.6 * slots * 1000) / holdMs, 'agent'),
    flood: arrivals(Number(__ENV.FLOOD || 30), 'flood'),
  },
  thresholds: {
    berth_failed: ['count==0'], dropped_iterations: ['count==0'],
    // The thresholds put both groups into the summary.
    'berth_wait{group:agents}': ['max>=0'], 'berth_wait{group:flood}': ['max>=0'],
    'berth_served{group:agents}': ['count>0'], 'berth_served{group:flood}': ['count>0'],
  },
};

export function agent() {
  const number = (exec.scenario.iterationInTest % agents) + 1;
  session(`agent-${number}`, 'agents', { ...shape, holdMs: exponential(holdMs) });
}

export function flood() {
  session('flood', 'flood', { ...shape, holdMs: exponential(holdMs) });
}

// Ten times the capacity comes at once. Is anybody refused?
//
//   k6 run --env BERTH_URL=ws://127.0.0.1:8080/pool/load/echo --env SLOTS=12 loadtest/k6/burst.js
import { exponential, session, slots } from './session.js';

const clients = slots * Number(__ENV.TIMES || 10);

export const options = {
  scenarios: { burst: { executor: 'per-vu-iterations', vus: clients, iterations: 1, maxDuration: '10m' } },
  thresholds: { berth_served: [`count==${clients}`], berth_failed: ['count==0'] },
};

export default function () {
  session('default', 'all', { holdMs: exponential(200), messages: 10, bytes: 300 });
}

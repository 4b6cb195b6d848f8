import { RudderAnalytics } from '@rudderstack/analytics-js/bundled'

const rudder = new RudderAnalytics()
// RudderStack's control plane tells a page its destinations; without one the page says itself that there are none.
rudder.load('acme', task.collector, {
  getSourceConfig: () => ({ source: {
    id: 'acme', name: 'acme', writeKey: 'acme', enabled: true, workspaceId: 'acme', updatedAt: '2026-01-01T00:00:00Z', connections: [], destinations: [],
    config: { statsCollection: { errors: { enabled: false }, metrics: { enabled: false } } },
  } }),
})
await new Promise(done => rudder.ready(done))
rudder.page()
rudder.identify('ann', { plan: 'team' })
for (const name of task.names) rudder.track(name, { seats: 12 })
window.done = true

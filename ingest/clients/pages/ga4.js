import { track } from '@minimal-analytics/ga4'

window.minimalAnalytics = { trackingId: 'G-ACME1', analyticsEndpoint: task.collector + '/g/collect' }
track()
for (const type of task.names) track({ type, event: { 'epn.seats': 12 } })
window.done = true

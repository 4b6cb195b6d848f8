import { AnalyticsBrowser } from '@segment/analytics-next'

// cdnURL is all that a site changes: where to send is told by the settings that the collector serves.
const analytics = AnalyticsBrowser.load({ writeKey: 'acme', cdnURL: task.collector })
await analytics.page()
await analytics.identify('ann', { plan: 'team' })
for (const name of task.names) await analytics.track(name, { seats: 12 })
window.done = true

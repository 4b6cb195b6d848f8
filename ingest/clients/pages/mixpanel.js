import mixpanel from 'mixpanel-browser'

mixpanel.init('acme', { api_host: task.collector, track_pageview: true, batch_flush_interval_ms: 500 })
mixpanel.identify('ann')
mixpanel.people.set({ plan: 'team' })
for (const name of task.names) mixpanel.track(name, { seats: 12 })
window.done = true

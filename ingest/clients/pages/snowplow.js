import { enableActivityTracking, newTracker, setUserId, trackPageView, trackStructEvent } from '@snowplow/browser-tracker'

newTracker('sp', task.collector, { appId: 'acme', cookieSecure: false, eventMethod: task.method, postPath: task.path })
enableActivityTracking({ minimumVisitLength: 1, heartbeatDelay: 1 })
trackPageView()
setUserId('ann')
for (const action of task.names) trackStructEvent({ category: 'test', action, value: 12 })
window.done = true

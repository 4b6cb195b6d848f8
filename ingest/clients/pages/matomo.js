// Made for React Native, it needs nothing of it. matomo.js itself is served by Matomo and not on npm; the wrappers there load it.
import MatomoTracker from 'matomo-tracker-react-native/src/MatomoTracker.js'

const matomo = new MatomoTracker({ urlBase: task.collector, siteId: 7, userId: 'ann' })
matomo.trackScreenView({ name: 'pricing', url: location.href })
matomo.trackLink({ link: 'https://other.example/x', url: location.href })
for (const action of task.names) matomo.trackEvent({ category: 'test', action, url: location.href })
window.done = true

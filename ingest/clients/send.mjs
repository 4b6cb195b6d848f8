// node send.mjs CLIENT ADDRESS [COUNT]: sends COUNT events through the real client of another tool, and prints the ids that
// it gave them and the names that they bear, as JSON. An id stands there only where the client lets its caller know it.

import { randomUUID } from 'node:crypto'
import { subscribe } from 'node:diagnostics_channel'

const [client, address, count = '20'] = process.argv.slice(2)
const names = Array.from({ length: Number(count) }, (_, i) => `${client} ${i}`)
const at = new URL(address)

const senders = {
  async segment() {
    const { Analytics } = await import('@segment/analytics-node')
    const analytics = new Analytics({ writeKey: 'acme', host: address, flushAt: 6 })
    const ids = names.map(event => {
      const messageId = randomUUID()
      analytics.track({ userId: 'ann', event, messageId, properties: { seats: 12 } })
      return messageId
    })
    await analytics.closeAndFlush()
    return ids
  },

  async rudder() {
    const { default: Rudder } = await import('@rudderstack/rudder-sdk-node')
    const rudder = new Rudder('acme', { dataPlaneUrl: address, flushAt: 6, flushInterval: 100 })
    const ids = names.map(event => new Promise((done, stop) => {
      const messageId = randomUUID()
      rudder.track({ anonymousId: 'a-1', event, messageId, properties: { seats: 12 } }, error => error ? stop(error) : done(messageId))
    }))
    rudder.flush()
    return Promise.all(ids)
  },

  async jitsu() {
    const { jitsuAnalytics, emptyRuntime } = await import('@jitsu/js')
    const jitsu = jitsuAnalytics({ host: address, writeKey: 'acme:any', s2s: false, runtime: emptyRuntime({}) })
    for (const event of names) await jitsu.track(event, { seats: 12 })
    return undefined
  },

  snowplow: () => snowplow('post'),
  snowplowGet: () => snowplow('get'),

  async posthog() {
    const { PostHog } = await import('posthog-node')
    const posthog = new PostHog('acme', { host: address, flushAt: 6, flushInterval: 100 })
    const ids = names.map(event => {
      const uuid = randomUUID()
      posthog.capture({ distinctId: 'ann', event, uuid, properties: { seats: 12 } })
      return uuid
    })
    await posthog.shutdown()
    return ids
  },

  async mixpanel() {
    const { default: mixpanel } = await import('mixpanel')
    const client = mixpanel.init('acme', { host: at.host, protocol: 'http', path: '' })
    return Promise.all(names.map(event => new Promise((done, fail) => {
      const id = randomUUID()
      client.track(event, { distinct_id: 'ann', $insert_id: id, seats: 12 }, error => error ? fail(error) : done(id))
    })))
  },

  async matomo() {
    const { default: Matomo } = await import('matomo-tracker')
    const matomo = new Matomo(7, address + '/matomo.php')
    matomo.on('error', fail)
    const visit = name => ({ url: 'https://acme.example/pricing', _id: '9a1b9a1b9a1b9a1b', e_c: 'test', e_a: name, rand: randomUUID() })
    const [half, rest] = [names.slice(0, names.length / 2), names.slice(names.length / 2)]
    // The client tells nobody when it is done, and leaves its answers unread; Node itself says when they have come.
    let answers = 0
    const all = new Promise(done => subscribe('http.client.response.finish', () => { if (++answers > half.length) done() }))
    matomo.trackBulk(rest.map(visit))
    for (const name of half) matomo.track(visit(name))
    await all
    return undefined
  },

  async umami() {
    const { Umami } = await import('@umami/node')
    const umami = new Umami({ hostUrl: address, websiteId: '94db1cb1-74f4-4a40-ad6c-962362670409' })
    for (const name of names) {
      const answer = await umami.track({ website: umami.options.websiteId, url: '/pricing', hostname: 'acme.example', name, data: { seats: 12 } })
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
    }
    return undefined
  },
}

async function snowplow(eventMethod) {
  const { newTracker, buildStructEvent } = await import('@snowplow/node-tracker')
  let answered = 0
  const all = new Promise((done, stop) => {
    snowplow.done = () => { if (answered === names.length) done() }
    snowplow.stop = stop
  })
  const tracker = newTracker({ namespace: 'test', appId: 'acme' }, {
    endpoint: at.hostname, port: Number(at.port), protocol: 'http', eventMethod, bufferSize: 6,
    onRequestSuccess: batch => { answered += batch.length; snowplow.done() },
    onRequestFailure: failure => snowplow.stop(new Error(JSON.stringify(failure))),
  })
  tracker.setUserId('ann')
  const ids = names.map(action => tracker.track(buildStructEvent({ category: 'test', action, value: 12 })).eid)
  tracker.flush()
  await all
  return ids
}

function fail(error) {
  console.error(error)
  process.exit(1)
}

process.on('unhandledRejection', fail)
const ids = await senders[client]().catch(fail)
process.stdout.write(JSON.stringify({ ids, names }) + '\n', () => process.exit(0))

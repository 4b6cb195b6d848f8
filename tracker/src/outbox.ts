// Events on their way. An event leaves the outbox when the collector has answered for it, and not before:
// until then it also stands in localStorage (with full consent), under this tab's own key, so that a
// navigation, a crash or an outage loses nothing. A page that is left releases its key, and the next page
// of the site takes it over; a tab that died silently is inherited when its lease runs out. A repeat keeps
// its event_id, and the pipeline counts an id once.

import { consent, full } from './consent'
import { json, page, safe, say, uuid } from './guard'
import { each, recall, remember } from './memory'
import { endpoint } from './settings'
import { view } from './view'

const enum Limit {
  Stored = 65536,   // characters, a hundred events or so: the page's own data needs the storage more than we do
  Body = 49152,     // bytes; the beacons and keepalive requests of a page share 64 KiB in flight
  Event = 30720,    // bytes; the collector refuses events over 32 KiB
  Age = 86400000,   // 24 h: what is older tells sales nothing
  Lease = 120000,   // ms; a hidden tab's timers run once a minute: two of those
  Gather = 250,     // ms; puts together what happens together, and nobody who watches the hot list notices
  Answer = 20000,   // ms; a page may have replaced fetch by one that never answers
  Wait = 300,       // s
}
const PREFIX = '_ls_q.'

let key = PREFIX + uuid()
let queue: any[] = []
let flying: any[] = []
let fails = 0
let notBefore = 0
let asked: any // for patience, by a collector that answered
let stored: any // the queue also stands in localStorage

const size = (text: string) => new Blob([text]).size

/** save writes the queue down; no other tab may take it before the given time. */
const save = (until = Date.now() + Limit.Lease) => {
  if (consent == 'none') queue = []
  while (json(queue).length > Limit.Stored) queue.shift()
  stored = full() && remember(key, queue[0] ? json([until, ...queue]) : '')
}

/**
 * wake comes back in a while. Timers may pile up: all but the first find nothing to do. A timer cuts off
 * fractions and may fire a moment early by the other clock, hence the few milliseconds on top.
 */
const wake = (ms: number) => setTimeout(flush, Math.max(ms, notBefore - Date.now() + 9))

/** put takes an event, and copies it, since the page may change its own objects afterwards. */
export const put = (event: any) => {
  let text = safe(json)(event) // a circular or throwing property is refused here
  if (!text || size(text) > Limit.Event) {
    event.properties = { oversize: true }
    event.traits = undefined
    text = json(event)
  }
  event = JSON.parse(text)
  queue.push(event)
  save()
  wake(Limit.Gather)
  say(event)
}

/** fill cuts the next body out of the list, and says which events are in it. */
const fill = (batch: any[]): [string, any[]] => {
  let body
  batch.forEach(event => {
    // Client-side routers set the title after pushState.
    if (event.view_id == view.view_id) event.title = page.title.slice(0, 300)
  })
  while (size(body = json({ sent_at: Date.now(), events: batch })) > Limit.Body) {
    batch = batch.slice(0, batch.length / 2)
  }
  return [body, batch]
}

const drop = (batch: any[]) => {
  queue = queue.filter(event => !batch.some(other => other.event_id == event.event_id))
}

/** flush sends what waits, one request at a time, so that a collector in trouble sees one and not many. */
export const flush = safe(() => {
  if (flying[0] || !queue[0] || Date.now() < notBefore) return
  const [body, batch] = fill([...queue])
  flying = batch
  const answer = safe((status?: any, after?: any) => {
    if (flying != batch) return // too late
    flying = []
    asked = status
    if (/^(2|4(?!08|29))/.test(status)) {
      // Taken, or refused for good: asking again would get the same answer.
      fails = notBefore = 0
      drop(batch)
    } else {
      // Up to a third at random on top, so that an outage's browsers do not all come back in one second.
      notBefore = Date.now() + Math.min(+after || 2 ** fails++, Limit.Wait) * (1000 + Math.random() * 333)
    }
    save()
    wake(0)
  })
  setTimeout(answer, Limit.Answer)
  // text/plain needs no preflight; keepalive outlives the page.
  if (fails % 2) {
    // Every second try goes another way: the trouble may be what the page has made of fetch.
    const request = new XMLHttpRequest()
    request.open('POST', endpoint)
    request.onloadend = () => answer(request.status, request.getResponseHeader('Retry-After'))
    request.send(body)
  } else {
    safe(() => fetch(endpoint, { method: 'POST', body, keepalive: true })
      .then(reply => answer(reply.status, reply.headers.get('Retry-After')), () => answer()))() || answer()
  }
})

/** leave is a page's last chance: what is not under way goes by beacon, and the stored copy is free to be adopted. */
export const leave = () => {
  save(notBefore)
  key = PREFIX + uuid() // should the page come back, the copy may be in other hands
  // The collector asked for patience: what is stored can wait for it, what cannot be stored has only now.
  if (!stored || Date.now() >= notBefore) {
    const [body, batch] = fill(queue.filter(event => flying.indexOf(event) < 0))
    if (batch[0] && navigator.sendBeacon(endpoint, body)) drop(batch)
  }
  if (stored) queue = []
}

/**
 * adopt takes over what released and dead tabs have left, and renews our own lease. An event says that the network
 * is back: that ends our wait for it, but not one that a collector asked for.
 */
export const adopt = (back?: unknown) => {
  if (back && !asked) notBefore = 0
  // Two tabs that start together must not both take: the lock is there on https and localhost.
  if (full() && navigator.locks) navigator.locks.request(PREFIX, take).catch(take)
  else take()
}

const take = safe(() => {
  if (full()) each(PREFIX, safe((other: string) => {
    const [until, ...left] = JSON.parse(recall(other))
    if (other == key || until > Date.now()) return
    remember(other, '')
    drop(left)
    queue.unshift(...left.filter((event: any) => Date.now() - event.timestamp < Limit.Age))
  }))
  save()
  flush()
})

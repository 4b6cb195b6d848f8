// A view: one page, looked at. Its engaged time and depth only grow, and every event carries them with
// the view's id: a beat that is lost costs nothing, because the next one says the same and more.

import { emit } from './event'
import { on, page, safe, site, uuid } from './guard'
import { adopt, flush, leave } from './outbox'
import { settings } from './settings'

const enum Limit {
  Idle = 30000,  // ms; a reader who has not touched anything for this long has left the desk
  Beat = 15000,  // ms of engaged time between two dwell events: the unit that models give points for
  Least = 1000,  // ms of growth that are worth a last beat
}

/** view is what every event says about its page. */
export let view: any

let place = ''    // path and query, to notice client-side navigation by
let engaged = 0   // ms
let told = 0      // ms, as of the last beat
let since = 0     // engaged is complete up to here
let touched = 0   // the last sign of life
let watching = false
let deepest = 0   // px from the top that have been in sight
let reached = 0   // quarters already told

/** tick settles the time since the last tick: it counts if the page was visible, focused and in use. */
const tick = () => {
  const now = performance.now()
  if (watching) engaged += Math.max(0, Math.min(now, touched + Limit.Idle) - since)
  since = now
  watching = page.visibilityState == 'visible' && page.hasFocus()
}

/** beat tells the engaged time: every 15 s of it, and whenever the view may be over. */
export const beat = (over?: unknown) => {
  tick()
  view.engaged_ms = Math.round(engaged)
  while (reached + 25 <= view.scroll_pct) emit('scroll', '', { scroll_pct: reached += 25 })
  if (engaged - told >= (over ? Limit.Least : Limit.Beat)) {
    told = engaged
    emit('dwell')
  }
}

/** alive is a sign of life. The mouse gives hundreds a second; one in half a second is enough. */
const alive = () => {
  if (performance.now() - touched > 500 || !watching) {
    tick()
    touched = since
  }
}

/** look notes how deep the page has been seen. A page that nobody scrolled has no depth, however short it is. */
const look = () => {
  deepest = Math.max(deepest, scrollY + innerHeight)
  view.scroll_pct = Math.min(100, Math.round(100 * deepest / page.documentElement.scrollHeight))
}

/** begin starts a view and says so. */
export const begin = (name?: string, properties?: object) => {
  if (view) beat(1)
  tick()
  view = {
    view_id: uuid(),
    url: site.href.slice(0, 4096),
    title: page.title.slice(0, 300),
    referrer: view ? view.url : page.referrer,
  }
  place = site.pathname + site.search
  engaged = told = deepest = reached = 0
  touched = since
  emit('page', name, { properties })
}

/** moved notices client-side navigation. Filters and maps rewrite their query all the time: that is no new view. */
const moved = (rewritten?: boolean) => {
  const next = site.pathname + site.search
  if (rewritten ? place.split('?')[0] != site.pathname : place != next) begin()
  place = next
}

/** watch listens for everything that feeds or ends a view. */
export const watch = () => {
  on(window, 'pointermove pointerdown keydown scroll focus', alive)
  on(window, 'blur', tick)
  on(window, 'scroll', look)
  on(page, 'visibilitychange', () => {
    beat(page.visibilityState == 'hidden')
    alive()
    flush()
  })
  on(window, 'pagehide', () => {
    beat(1)
    leave()
  })
  on(window, 'pageshow', event => {
    if (event.persisted) {
      view = 0
      begin()
      adopt()
    }
  })
  setInterval(safe(beat), 1000)
  if (settings.spa == 'off') return
  for (const method of ['pushState', 'replaceState'] as const) {
    const theirs = history[method]
    history[method] = function (this: History) {
      theirs.apply(this, arguments as any)
      safe(moved)(method[0] == 'r')
    }
  }
  on(window, 'popstate', () => moved())
}
